// Wires the page: the choices, a card for each picture, who is loaded when, and the totals.
//
// SECURITY: file names are hostile. They reach the document through textContent, attributes set by the DOM and
// URLs encoded in text.js; no script of this page builds markup from text (the page's policy forbids it as well).

import { Card } from "./card.js";
import { Choices } from "./choices.js";
import { Accept, Queue } from "./rendition.js";
import { saving, size } from "./text.js";
import { Viewer } from "./viewer.js";

// Leaves two of the six connections that a browser opens to one server for the originals.
const RENDITIONS_AT_ONCE = 4;
const ORIGINALS_AT_ONCE = 2;
// What the format alone saves is asked for last, and one after the other.
const WEIGHINGS_AT_ONCE = 1;
// Up to this many pictures the whole page is loaded, so that the totals are about the folder; a longer page
// loads what is near the window.
const WHOLE_PAGE = 60;

const { prefix, quality } = document.body.dataset;
const root = document.documentElement;
const form = document.getElementById("choosers");

if (form) start();

function start() {
  const templates = { comparison: document.getElementById("comparison") };
  const cards = [...document.querySelectorAll("article.card")].map((element) => new Card(element, templates));
  const choices = new Choices(form, Number(quality));
  const accept = new Accept();
  const renditions = new Queue(RENDITIONS_AT_ONCE);
  const weighings = new Queue(WEIGHINGS_AT_ONCE);
  const asked = new Set();
  const near = watch(cards, "50%", (card) => enqueue(card));
  const viewer = new Viewer(document.getElementById("viewer"), cards, templates, (card) => enqueue(card));
  let requests = new AbortController();

  /** At most once for each choice; the card itself says when it has to be asked again. */
  function enqueue(card) {
    if (asked.has(card)) return;
    asked.add(card);
    const { signal } = requests;
    const load = async (tries) => {
      await card.load(accept, signal, again, tries);
      weighings.add(() => renditions.idle().then(() => card.weigh(prefix, signal)), () => near.has(card));
    };
    const again = (tries) => renditions.add(() => load(tries), () => near.has(card));
    again(1);
  }

  function begin() {
    requests.abort();
    requests = new AbortController();
    renditions.clear();
    weighings.clear();
    const chosen = choices.now();
    asked.clear();
    for (const card of cards) card.begin(prefix, chosen);
    for (const card of cards) {
      if (cards.length <= WHOLE_PAGE || near.has(card)) enqueue(card);
    }
  }

  for (const card of cards) {
    card.addEventListener("change", () => totals(cards));
    card.addEventListener("open", () => viewer.open(card));
  }
  choices.addEventListener("change", begin);
  showOriginals(cards);
  begin();
}

/** The set of cards within `margin` of the window, kept up to date; `entered` hears of each new one. */
function watch(cards, margin, entered = () => {}, left = () => {}) {
  const inside = new Set();
  const byElement = new Map(cards.map((card) => [card.element, card]));
  const observer = new IntersectionObserver(
    (changes) => {
      for (const { target, isIntersecting } of changes) {
        const card = byElement.get(target);
        if (isIntersecting === inside.has(card)) continue;
        if (isIntersecting) inside.add(card);
        else inside.delete(card);
        (isIntersecting ? entered : left)(card);
      }
    },
    { rootMargin: `${margin} 0px` },
  );
  for (const card of cards) observer.observe(card.element);
  return inside;
}

/**
 * Originals are heavy: where there is a mouse and a wide window they come by themselves, in view and after their
 * rendition; elsewhere when the divider is moved or the card opened. Far from the window they are let go.
 */
function showOriginals(cards) {
  const queue = new Queue(ORIGINALS_AT_ONCE);
  const byThemselves = matchMedia("(hover: hover) and (min-width: 56rem)");
  const want = (card) => {
    if (!byThemselves.matches || navigator.connection?.saveData || card.state !== "ready" || !visible.has(card)) return;
    queue.add(
      () => {
        if (visible.has(card)) card.compare.showOriginal();
        return card.compare.originalSettled();
      },
      () => visible.has(card),
    );
  };
  const visible = watch(cards, "0%", want);
  watch(cards, "200%", undefined, (card) => card.compare.hideOriginal());
  for (const card of cards) card.addEventListener("change", () => want(card));
}

/** Sums what is known. A refused picture counts on neither side. */
function totals(cards) {
  const ready = cards.filter((card) => card.state === "ready");
  const failed = cards.filter((card) => card.state === "refused").length;
  root.dataset.ready = ready.length;
  root.dataset.failed = failed;
  const original = ready.reduce((sum, card) => sum + card.bytes, 0);
  const served = ready.reduce((sum, card) => sum + card.rendition.blob.size, 0);
  const say = (id, text) => {
    document.getElementById(id).textContent = text;
  };
  const verdict = saving(original, served);
  const none = ready.length === 0;
  const whole = ready.length === cards.length;
  say("total-pictures", whole ? cards.length : `${ready.length} of ${cards.length}`);
  say("total-original", none ? "–" : size(original));
  say("total-served", none ? "–" : size(served));
  say("total-saved", none ? "–" : verdict.amount);
  say("total-verb", verdict.verb);
  const weighed = ready.filter((card) => card.rendition.plain);
  const plain = weighed.reduce((sum, card) => sum + card.rendition.plain.bytes, 0);
  const modern = weighed.reduce((sum, card) => sum + card.rendition.blob.size, 0);
  say("total-equal", weighed.length === 0 ? "–" : saving(plain, modern).amount);
  document.getElementById("total-bar").style.width = none ? "0" : `${Math.max(0.4, Math.min(100, (100 * served) / original))}%`;
  say("total-progress", failed === 0 ? "" : `${failed} refused`);
}
