// Asking the image endpoint for renditions: few at a time, the ones in view first, again when it says "later".

/** The endpoint said no, or nothing. `sentence` and `code` are its own words. */
export class Refusal extends Error {
  constructor({ status, code, sentence, retryAfter }) {
    super(sentence);
    Object.assign(this, { status, code, sentence, retryAfter });
  }
}

/** What an image request of this browser would name. A format that never displays is taken out. */
export class Accept {
  #modern = ["image/avif", "image/webp"];
  #shown = new Set();

  header(format) {
    return format === "plain" ? "*/*" : [...this.#modern, "image/*;q=0.8", "*/*;q=0.5"].join(",");
  }

  shown(type) {
    this.#shown.add(type);
  }

  /** One broken picture among good ones is no reason: that is the server's fault, and is to be seen. */
  notShown(type) {
    if (!this.#shown.has(type)) this.#modern = this.#modern.filter((other) => other !== type);
  }
}

/** One request: a blob and what the answer's headers say of it, or a `Refusal`. */
export async function fetchRendition(url, accept, signal) {
  const started = performance.now();
  // The browser's own cache would hide what the server does.
  const response = await fetch(url, { headers: { Accept: accept }, cache: "no-store", signal }).catch((error) => {
    if (signal.aborted) throw error;
    throw new Refusal({ status: 0, code: "", sentence: "The server did not answer." });
  });
  const waited = performance.now() - started;
  const type = (response.headers.get("Content-Type") ?? "").split(";")[0].trim().toLowerCase();
  if (!response.ok || !type.startsWith("image/")) {
    const text = type === "text/plain" ? (await response.text()).trim().slice(0, 300) : "";
    throw new Refusal({
      status: response.status,
      code: response.headers.get("X-Cuttle-Error") ?? "",
      sentence: text || `The server answered ${response.status} without an image.`,
      retryAfter: response.status === 503 ? secondsToWait(response.headers.get("Retry-After")) : undefined,
    });
  }
  const blob = await response.blob();
  const { cached, detail } = cacheStatus(response.headers.get("Cache-Status") ?? "");
  return { blob, type, status: response.status, cached, detail, milliseconds: serverTime(url, started) ?? waited };
}

/** From request sent to first byte: without the time it spent waiting for a connection of the browser. */
function serverTime(url, started) {
  const timing = performance.getEntriesByName(new URL(url, location.href).href).at(-1);
  if (!timing || timing.startTime < started || !timing.requestStart) return undefined;
  return timing.responseStart - timing.requestStart;
}

function secondsToWait(header) {
  const seconds = Number.parseInt(header ?? "", 10);
  return Number.isNaN(seconds) ? 2 : Math.min(Math.max(seconds, 1), 60);
}

/** RFC 9211, the parts that we send: `cuttle; hit`, `cuttle; fwd=miss; detail=fallback`. */
function cacheStatus(header) {
  const parameters = header.split(";").map((part) => part.trim());
  const detail = parameters.find((parameter) => parameter.startsWith("detail="));
  return { cached: parameters.includes("hit"), detail: detail?.slice("detail=".length) };
}

/** Runs jobs, `limit` at once; the first that is wanted now goes before the first in line. */
export class Queue {
  #waiting = [];
  #running = 0;
  #limit;
  #idle = [];

  constructor(limit) {
    this.#limit = limit;
  }

  /** `run` must not reject. */
  add(run, wantedNow) {
    this.#waiting.push({ run, wantedNow });
    this.#next();
  }

  clear() {
    this.#waiting = [];
  }

  /** Resolves when nothing runs and nothing waits. */
  idle() {
    if (this.#running === 0 && this.#waiting.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  async #next() {
    if (this.#running >= this.#limit || this.#waiting.length === 0) return;
    const urgent = this.#waiting.findIndex((job) => job.wantedNow());
    const [job] = this.#waiting.splice(Math.max(urgent, 0), 1);
    this.#running += 1;
    await job.run();
    this.#running -= 1;
    this.#next();
    if (this.#running === 0) this.#idle.splice(0).forEach((resolve) => resolve());
  }
}
