// Chromium, one picture at a time: what a browser shows, frame by frame.
//
// A request is a line of JSON and `bytes` bytes after it; an answer is the same. Stills are drawn to a canvas; what
// moves is read through ImageDecoder, which says durations and repetitions. oracles/src/pipe.rs is the other end.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { requests } from '../sharp/requests.mjs';

const folder = mkdtempSync(join(tmpdir(), 'chromium-'));
const page = join(folder, 'page.html');
// ImageDecoder is for secure contexts, of which a file is one.
writeFileSync(page, '<!doctype html><title>oracle</title>');
const flags = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--force-color-profile=srgb', '--remote-debugging-pipe', `--user-data-dir=${folder}`,
];
const browser = spawn(process.env.CHROMIUM ?? 'chromium', flags, { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
const [, , , to, from] = browser.stdio;

// The DevTools protocol over a pipe: JSON, each message ended by a NUL.
const waiting = new Map();
let last = 0;
let rest = '';
from.setEncoding('utf8');
from.on('data', (text) => {
  const messages = (rest + text).split('\0');
  rest = messages.pop();
  for (const message of messages) {
    const { id, result, error } = JSON.parse(message);
    const settle = waiting.get(id);
    waiting.delete(id);
    settle?.(result, error);
  }
});

function call(method, params = {}, sessionId = undefined) {
  return new Promise((resolve, reject) => {
    waiting.set(++last, (result, error) => (error ? reject(new Error(error.message)) : resolve(result)));
    to.write(`${JSON.stringify({ id: last, method, params, sessionId })}\0`);
  });
}

// Runs in the page.
async function shown(base64, type) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const packed = (rgba) => {
    let text = '';
    for (let at = 0; at < rgba.length; at += 32768) text += String.fromCharCode(...rgba.subarray(at, at + 32768));
    return btoa(text);
  };
  const read = (picture, width, height) => {
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext('2d', { willReadFrequently: true, colorSpace: 'srgb' });
    context.drawImage(picture, 0, 0, width, height);
    return packed(context.getImageData(0, 0, width, height).data);
  };
  const image = new Image();
  image.src = URL.createObjectURL(new Blob([bytes], { type }));
  await image.decode();
  const { naturalWidth: width, naturalHeight: height } = image;
  const still = { width, height, durations: [0], plays: null, frames: [read(image, width, height)] };
  if (!(await ImageDecoder.isTypeSupported(type))) return still;
  const decoder = new ImageDecoder({ data: bytes, type });
  await decoder.tracks.ready;
  await decoder.completed;
  const { animated, frameCount, repetitionCount } = decoder.tracks.selectedTrack;
  if (!animated || frameCount < 2) return still;
  const durations = [];
  const frames = [];
  for (let frameIndex = 0; frameIndex < frameCount; frameIndex += 1) {
    // A frame that is cut off ends the film; those before it are shown.
    const decoded = await decoder.decode({ frameIndex }).catch(() => undefined);
    if (!decoded) break;
    const { image: frame } = decoded;
    durations.push(frame.duration / 1000);
    frames.push(read(frame, frame.displayWidth, frame.displayHeight));
    frame.close();
  }
  if (frames.length < 2) return still;
  const plays = repetitionCount === Infinity ? 0 : repetitionCount + 1;
  return { width, height, durations, plays, frames };
}

const { targetId } = await call('Target.createTarget', { url: pathToFileURL(page).href });
const { sessionId } = await call('Target.attachToTarget', { targetId, flatten: true });

// The page is there when it is a secure context; until then its globals are those of an empty one.
for (;;) {
  const { result } = await call('Runtime.evaluate', { expression: "typeof ImageDecoder === 'function'", returnByValue: true }, sessionId);
  if (result.value) break;
  await new Promise((resolve) => setTimeout(resolve, 20));
}

for await (const [{ type }, payload] of requests()) {
  let answer;
  let data = Buffer.alloc(0);
  try {
    const expression = `(${shown})(${JSON.stringify(payload.toString('base64'))}, ${JSON.stringify(type)})`;
    const { result, exceptionDetails } = await call('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true }, sessionId);
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    const { frames, ...told } = result.value;
    data = Buffer.concat(frames.map((frame) => Buffer.from(frame, 'base64')));
    answer = told;
  } catch (error) {
    answer = { error: String(error.message).split('\n')[0] };
  }
  process.stdout.write(`${JSON.stringify({ ...answer, bytes: data.length })}\n`);
  process.stdout.write(data);
}
browser.kill();
await new Promise((resolve) => browser.on('exit', resolve));
// Helpers of the browser may still write for a moment.
rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
