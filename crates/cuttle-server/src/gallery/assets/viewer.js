// The large view of one card: the same comparison as big as the window allows, with the URLs in full.

import { copyButton } from "./card.js";
import { Compare } from "./compare.js";

// What the arrow keys move a zoomed picture by, with Shift.
const PAN = { arrowleft: [-64, 0], arrowright: [64, 0], arrowup: [0, -64], arrowdown: [0, 64] };

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
    this.#compare = new Compare(templates.comparison, { name: "", large: true });
    dialog.querySelector(".room").append(this.#compare.element);
    for (const [name, act] of [
      ["flip", () => this.#compare.flip()],
      ["zoom", () => this.#zoom(!this.#compare.zoomed)],
      ["previous", () => this.#step(-1)],
      ["next", () => this.#step(1)],
      ["close", () => dialog.close()],
    ]) {
      dialog.querySelector(`button[name=${name}]`).addEventListener("click", act);
    }
    dialog.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const key = event.key.toLowerCase();
      if (key === "f") this.#compare.flip();
      if (key === "z") this.#zoom(!this.#compare.zoomed);
      if (event.shiftKey && key in PAN) {
        event.preventDefault();
        return this.#compare.pan(...PAN[key]);
      }
      if (key === "n") this.#step(1);
      if (key === "p") this.#step(-1);
      // The arrows belong to the divider wherever in the dialog the focus is.
      if (key === "arrowleft" || key === "arrowright") this.#compare.focus();
    });
    dialog.addEventListener("close", () => {
      this.#leave();
      this.#zoom(false);
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

  #zoom(on) {
    this.#compare.zoom(on);
    const button = this.#dialog.querySelector("button[name=zoom]");
    button.setAttribute("aria-pressed", on);
    button.textContent = on ? "Fit" : "100 %";
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
    // Not anew for each remark about it, as it would be gone for a moment.
    if (card.state === "ready" && !this.#compare.shows(card.rendition.url)) {
      this.#compare.setRendition(card.rendition.url, card.rendition.label);
    }
    if (card.state === "refused" || card.state === "busy") {
      this.#dialog.querySelector(".note").textContent = [card.refusal.sentence, card.refusal.code].join(" ");
    }
    this.#dialog.querySelector(".urls").replaceChildren(...card.urls.map(([label, url]) => urlRow(label, url)));
  }
}

// What each address is for; the page says more below the pictures.
const PURPOSE = { "Next.js": "what Next.js asks for", Strict: "Cuttle’s own: names the format, says what is wrong" };

function urlRow(label, url) {
  const row = document.createElement("div");
  const code = document.createElement("code");
  code.textContent = url;
  row.title = PURPOSE[label];
  row.append(copyButton(label, url), code);
  return row;
}
