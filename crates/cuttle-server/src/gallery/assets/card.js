// One picture of the grid: its request, what became of it, and how that is told.

import { Compare } from "./compare.js";
import { Refusal, fetchRendition } from "./rendition.js";
import { duration, formatName, nextUrl, saving, size, strictUrl } from "./text.js";

// A server that is still full after this many tries has more wrong with it than a moment's load.
const TRIES = 10;

/** Fires `change` whenever what it knows of its rendition changed, and `open` when it wants to be seen large. */
export class Card extends EventTarget {
  #element;
  #status;
  #url;
  /** @type {"waiting" | "busy" | "ready" | "refused"} */
  state = "waiting";
  rendition;

  constructor(element, templates) {
    super();
    this.#element = element;
    const { href, bytes, width, height, kind } = element.dataset;
    Object.assign(this, { href, kind, bytes: Number(bytes), width: Number(width), height: Number(height) });
    this.name = element.querySelector("h2").textContent;
    this.compare = new Compare(templates.comparison, { name: this.name });
    this.compare.setOriginal(this.href, this.width, this.height);
    this.compare.addEventListener("open", () => this.dispatchEvent(new Event("open")));
    this.#status = document.createElement("div");
    this.#status.className = "status";
    element.querySelector(".frame").replaceChildren(this.compare.element, this.#status, this.#openButton());
    this.#tell();
  }

  get element() {
    return this.#element;
  }

  /** Forgets the present request; the old picture stays until there is a new one. */
  begin(prefix, choices) {
    this.state = "waiting";
    this.choices = choices;
    this.#url = strictUrl(prefix, this.href, choices);
    this.urls = [
      ["Next.js", nextUrl(this.href, choices)],
      ["Strict", this.#url],
    ];
    this.#element.querySelector(".urls").replaceChildren(...this.urls.map(([label, url]) => copyButton(label, url)));
    this.#tell();
  }

  /** Asks once. Never rejects; `again` puts the card back in line, after the pause that the server asked for. */
  async load(accept, signal, again, tries) {
    if (signal.aborted) return;
    this.#become("waiting", this.rendition);
    try {
      const named = accept.header(this.choices.format);
      const answer = await fetchRendition(this.#url, named, signal);
      const rendition = await this.#decode(answer);
      if (signal.aborted) return URL.revokeObjectURL(rendition.url);
      if (rendition.pixels) {
        accept.shown(answer.type);
        return this.#become("ready", rendition);
      }
      URL.revokeObjectURL(rendition.url);
      accept.notShown(answer.type);
      if (this.choices.format === "auto" && accept.header("auto") !== named) return again(tries);
      throw new Refusal({ status: answer.status, code: "", sentence: `This browser cannot decode this ${formatName(answer.type)} image.` });
    } catch (error) {
      if (signal.aborted) return;
      const refusal = error instanceof Refusal ? error : new Refusal({ status: 0, code: "", sentence: String(error) });
      const later = refusal.retryAfter !== undefined && tries < TRIES;
      this.refusal = refusal;
      this.retry = () => again(1);
      this.compare.clearRendition();
      this.#become(later ? "busy" : "refused");
      if (later) setTimeout(() => signal.aborted || again(tries + 1), refusal.retryAfter * 1000);
    }
  }

  /** What the format alone saves, which is found by asking for the same without it. Never rejects. */
  async weigh(prefix, signal) {
    const { rendition, choices } = this;
    if (signal.aborted || this.state !== "ready" || !isModern(rendition)) return;
    try {
      const answer = await fetchRendition(strictUrl(prefix, this.href, { ...choices, format: "plain" }), "*/*", signal);
      if (signal.aborted || this.rendition !== rendition || answer.detail || isModern(answer)) return;
      rendition.plain = { bytes: answer.blob.size, format: formatName(answer.type) };
      this.#tell();
    } catch {
      // Nothing to compare with.
    }
  }

  async #decode(answer) {
    const url = URL.createObjectURL(answer.blob);
    const format = formatName(answer.type);
    const label = answer.detail === "fallback" ? "Original, as served" : `${format} ${this.choices.width}`;
    return { ...answer, url, format, label, pixels: await this.compare.setRendition(url, label) };
  }

  /** The large view hears of the new rendition before the previous one is let go. */
  #become(state, rendition) {
    const previous = this.rendition;
    this.state = state;
    this.rendition = rendition;
    this.#tell();
    if (previous && previous !== rendition) URL.revokeObjectURL(previous.url);
  }

  /** The two lines under the picture and the remark, for this card and for the large view. */
  describe(about) {
    const { rendition, state } = this;
    const known = state === "ready" ? rendition : undefined;
    const verdict = known && saving(this.bytes, known.blob.size);
    about.querySelector(".sizes").replaceChildren(
      span("original", size(this.bytes)),
      " ",
      span("served", known ? size(known.blob.size) : ""),
      span(`saved ${verdict?.better ? "" : "not"}`, known ? claim(known, verdict) : ""),
    );
    const from = `${this.width} × ${this.height} ${this.kind}`;
    const to = known ? `${known.pixels.width} × ${known.pixels.height} ${known.format}` : "";
    const time = known ? `${known.cached ? "from cache in" : "answered in"} ${duration(known.milliseconds)}` : "";
    about.querySelector(".facts").replaceChildren(span("from", from), span("to", to), span("time", time));
    const note = about.querySelector(".note");
    note.textContent = known ? remark(known, verdict, this.width, this.choices.width) : "";
    note.classList.toggle("attention", known !== undefined && (known.detail === "fallback" || !verdict.better));
  }

  #tell() {
    this.#element.dataset.state = this.state;
    this.describe(this.#element.querySelector(".about"));
    const { refusal } = this;
    if (this.state === "refused") {
      const retry = button("Try again", () => this.retry());
      this.#status.replaceChildren(span("sentence", refusal.sentence), span("code", [refusal.status || "", refusal.code].join(" ").trim()), retry);
    } else if (this.state === "busy") {
      this.#status.replaceChildren(span("sentence", `The server is busy. Asking again in ${refusal.retryAfter} s …`), span("code", refusal.code));
    } else {
      this.#status.replaceChildren();
    }
    this.dispatchEvent(new Event("change"));
  }

  #openButton() {
    const open = button("", () => this.dispatchEvent(new Event("open")));
    open.className = "open";
    open.title = "Compare large";
    open.setAttribute("aria-label", `Compare ${this.name} large`);
    return open;
  }
}

function isModern({ type, detail }) {
  return !detail && (type === "image/avif" || type === "image/webp");
}

function claim({ detail }, { amount, verb }) {
  if (detail === "fallback") return "not converted";
  return detail === "passthrough" ? "as it is" : `${amount} ${verb}`;
}

function remark(rendition, verdict, width, asked) {
  if (rendition.detail === "fallback") return "Could not be converted: the original is served.";
  if (rendition.detail === "passthrough") return "Passed through as it is.";
  if (!verdict.better) return "Not smaller than the original: it is well compressed already.";
  const enlarged = width < asked ? `Narrower than ${asked} px: not enlarged. ` : "";
  return enlarged + atEqualSize(rendition);
}

/** How much of the saving is the format's, as the rest is that of the smaller size. */
function atEqualSize({ plain, blob, format }) {
  if (!plain) return "";
  const { amount, verb } = saving(plain.bytes, blob.size);
  return `At equal size: ${plain.format} ${size(plain.bytes)}, ${format} ${amount} ${verb === "saved" ? "less" : "more"}.`;
}

/** Copies the absolute URL. */
export function copyButton(label, url) {
  const copy = button(label, async () => {
    const said = await copyText(new URL(url, location.href).href);
    copy.dataset.said = said;
    setTimeout(() => delete copy.dataset.said, 1500);
  });
  copy.className = "copy";
  copy.title = `Copy ${url}`;
  return copy;
}

/** The clipboard exists only where the page came by HTTPS or from this machine. */
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return "copied";
  } catch {
    prompt("Copy this URL:", text);
    return "";
  }
}

function button(label, act) {
  const element = document.createElement("button");
  element.type = "button";
  element.textContent = label;
  element.addEventListener("click", act);
  return element;
}

function span(kind, text) {
  const element = document.createElement("span");
  element.className = kind;
  element.textContent = text;
  return element;
}
