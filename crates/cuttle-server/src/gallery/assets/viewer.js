// The large view of one card: the same comparison as big as the window allows, with the URLs in full.

import { copyButton } from "./card.js";
import { Compare } from "./compare.js";

export class Viewer {
  #dialog;
  #cards;
  #compare;
  #card;
  #shown;
  #update = () => this.#refresh();

  /** @param shown hears of each card that comes into view. */
  constructor(dialog, cards, templates, shown) {
    this.#shown = shown;
    this.#dialog = dialog;
    this.#cards = cards;
    this.#compare = new Compare(templates.comparison, { name: "", movesOnPress: true });
    dialog.querySelector(".room").append(this.#compare.element);
    for (const [name, act] of [
      ["previous", () => this.#step(-1)],
      ["next", () => this.#step(1)],
      ["close", () => dialog.close()],
    ]) {
      dialog.querySelector(`button[name=${name}]`).addEventListener("click", act);
    }
    dialog.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const key = event.key.toLowerCase();
      if (key === "n") this.#step(1);
      if (key === "p") this.#step(-1);
      // The arrows belong to the divider wherever in the dialog the focus is.
      if (key === "arrowleft" || key === "arrowright") this.#compare.focus();
    });
    dialog.addEventListener("close", () => {
      this.#leave();
      this.#card.element.querySelector("button.open").focus();
      this.#compare.hideOriginal();
      this.#compare.clearRendition();
    });
  }

  open(card) {
    this.#enter(card);
    if (!this.#dialog.open) this.#dialog.showModal();
    this.#compare.focus();
  }

  #step(by) {
    const at = this.#cards.indexOf(this.#card);
    this.#leave();
    this.#enter(this.#cards.at((at + by) % this.#cards.length));
  }

  #leave() {
    this.#card.removeEventListener("change", this.#update);
  }

  #enter(card) {
    this.#card = card;
    card.addEventListener("change", this.#update);
    card.element.scrollIntoView({ block: "nearest" });
    this.#compare.clearRendition();
    this.#compare.name(card.name);
    this.#compare.setOriginal(card.href, card.width, card.height);
    this.#compare.reset();
    this.#compare.showOriginal();
    this.#dialog.querySelector("h2 bdi").textContent = card.name;
    this.#dialog.querySelector(".count").textContent = `${this.#cards.indexOf(card) + 1} / ${this.#cards.length}`;
    this.#shown(card);
    this.#refresh();
  }

  #refresh() {
    const card = this.#card;
    this.#dialog.dataset.state = card.state;
    card.describe(this.#dialog.querySelector(".about"));
    if (card.state === "ready") this.#compare.setRendition(card.rendition.url, card.rendition.label);
    if (card.state === "refused" || card.state === "busy") {
      this.#dialog.querySelector(".note").textContent = [card.refusal.sentence, card.refusal.code].join(" ");
    }
    this.#dialog.querySelector(".urls").replaceChildren(...card.urls.map(([label, url]) => urlRow(label, url)));
  }
}

function urlRow(label, url) {
  const row = document.createElement("div");
  const code = document.createElement("code");
  code.textContent = url;
  row.append(copyButton(label, url), code);
  return row;
}
