// The slider: an original on the left, its rendition on the right, both drawn at the same size, and a divider
// that a pointer, a finger or the keyboard moves.

// Less movement than this is a click, on a touch screen too.
const DRAG_PIXELS = 5;
// Icons are not blown up to fill a card.
const SMALL_PIXELS = 200;

export class Compare extends EventTarget {
  #element;
  #original;
  #rendition;
  #position;
  #source;
  #decoding;
  #settleRendition = () => {};

  /** @param movesOnPress whether a press alone moves the divider; where not, it is a click (event `open`). */
  constructor(template, { name, movesOnPress = false }) {
    super();
    this.#element = template.content.firstElementChild.cloneNode(true);
    this.#original = this.#element.querySelector("img.original");
    this.#rendition = this.#element.querySelector("img.rendition");
    this.#position = this.#element.querySelector(".position");
    this.name(name);
    this.#position.addEventListener("input", () => {
      this.showOriginal();
      this.#place(Number(this.#position.value));
    });
    this.#listenToPointer(movesOnPress);
    this.#place(50);
  }

  get element() {
    return this.#element;
  }

  name(name) {
    this.#rendition.alt = `${name}, as served`;
    this.#original.alt = `${name}, the original`;
    this.#position.setAttribute("aria-label", `${name}: how much of the original is shown, in percent`);
  }

  /** Where the original is. It is not loaded before somebody wants to see it. */
  setOriginal(href, width, height) {
    this.hideOriginal();
    this.#source = href;
    this.#element.toggleAttribute("data-small", width < SMALL_PIXELS && height < SMALL_PIXELS);
    this.#element.style.setProperty("--ratio", width / height);
    this.#element.style.setProperty("--natural-width", `${width}px`);
  }

  showOriginal() {
    if (this.#element.dataset.original !== "absent") return;
    this.#state("loading");
    this.#original.src = this.#source;
    // Shown when decoded, not when loaded: between the two a large one would be a hole.
    const decoding = this.#original.decode();
    const end = (state) => () => this.#decoding === decoding && this.#state(state);
    decoding.then(end("shown"), end("failed"));
    this.#decoding = decoding;
  }

  /** Gives its memory back: a decoded photograph of 24 megapixels is 96 MB. */
  hideOriginal() {
    this.#decoding = undefined;
    this.#original.removeAttribute("src");
    this.#state("absent");
  }

  /** Resolves to the rendition's own size; to nothing when this browser cannot show it or another took its place. */
  setRendition(url, label) {
    this.clearRendition();
    this.#element.querySelector(".label.right").textContent = label;
    const picture = this.#rendition;
    return new Promise((resolve) => {
      this.#settleRendition = () => resolve(undefined);
      picture.onload = () => resolve({ width: picture.naturalWidth, height: picture.naturalHeight });
      picture.onerror = () => resolve(undefined);
      picture.src = url;
    });
  }

  clearRendition() {
    this.#settleRendition();
    this.#rendition.removeAttribute("src");
    this.#element.querySelector(".label.right").textContent = "";
  }

  reset() {
    this.#place(50);
  }

  /** Settles when the original is there or failed. */
  originalSettled() {
    if (this.#element.dataset.original !== "loading") return Promise.resolve();
    return new Promise((resolve) => this.addEventListener("settled", resolve, { once: true }));
  }

  focus() {
    this.#position.focus({ preventScroll: true });
  }

  #state(state) {
    this.#element.dataset.original = state;
    const label = { loading: "Original …", failed: "Original: not shown by this browser" }[state] ?? "Original";
    this.#element.querySelector(".label.left").textContent = label;
    if (state !== "loading") this.dispatchEvent(new Event("settled"));
  }

  #place(percent) {
    this.#position.value = percent;
    this.#element.style.setProperty("--split", `${percent}%`);
  }

  #listenToPointer(movesOnPress) {
    const frame = this.#element;
    const follow = (event) => {
      const box = frame.getBoundingClientRect();
      this.#place(Math.min(Math.max((100 * (event.clientX - box.left)) / box.width, 0), 100));
    };
    frame.addEventListener("pointerdown", (press) => {
      if (press.button !== 0) return;
      let dragging = movesOnPress;
      const move = (event) => {
        if (!dragging && Math.abs(event.clientX - press.clientX) < DRAG_PIXELS) return;
        if (!dragging) frame.setPointerCapture(press.pointerId);
        dragging = true;
        this.showOriginal();
        follow(event);
      };
      const finish = (event) => {
        frame.removeEventListener("pointermove", move);
        frame.removeEventListener("pointerup", finish);
        frame.removeEventListener("pointercancel", finish);
        if (!dragging && event.type === "pointerup") this.dispatchEvent(new Event("open"));
      };
      if (movesOnPress) {
        frame.setPointerCapture(press.pointerId);
        follow(press);
      }
      frame.addEventListener("pointermove", move);
      frame.addEventListener("pointerup", finish);
      frame.addEventListener("pointercancel", finish);
    });
  }
}
