// The slider: an original on the left, its rendition on the right, both drawn at the same size, and a divider
// that a pointer, a finger or the keyboard moves. Large, a click flips between the two, and both can be drawn as large as
// the rendition's pixels are on this screen.

// Less movement than this is a click, on a touch screen too.
const DRAG_PIXELS = 5;
// A press so near to the divider takes it, where others move the picture.
const GRIP_PIXELS = 24;
// Icons are not blown up to fill a card.
const SMALL_PIXELS = 200;

export class Compare extends EventTarget {
  #element;
  #original;
  #rendition;
  #position;
  #source;
  #decoding;
  #at = 50;
  #pixels;
  #pan;
  #settleRendition = () => {};

  /** @param large whether a click flips; where not, it asks for the large view (event `open`). */
  constructor(template, { name, large = false }) {
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
    this.#listenToPointer(large);
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
    // Of the picture before it, whose size may be another.
    this.#pixels = undefined;
    this.#draw();
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
      picture.onload = () => {
        this.#pixels = { width: picture.naturalWidth, height: picture.naturalHeight };
        this.#draw();
        resolve(this.#pixels);
      };
      picture.onerror = () => resolve(undefined);
      picture.src = url;
    });
  }

  shows(url) {
    return this.#rendition.getAttribute("src") === url;
  }

  clearRendition() {
    this.#settleRendition();
    this.#rendition.removeAttribute("src");
    this.#element.querySelector(".label.right").textContent = "";
  }

  reset() {
    this.#place(50);
  }

  /** All of the original, or all of the rendition. */
  flip() {
    this.showOriginal();
    this.#place(this.#at > 0 ? 0 : 100);
  }

  get zoomed() {
    return this.#pan !== undefined;
  }

  /** Whether each pixel of the rendition is one of the screen; else all of it is shown. */
  zoom(on) {
    this.#pan = on ? { x: 0.5, y: 0.5 } : undefined;
    this.#draw();
  }

  /** Shows what is so many pixels further to the right and down. */
  pan(right, down) {
    if (!this.#pan) return;
    const { room } = this.#drawn();
    const moved = (at, by, over) => (over > 0 ? Math.min(Math.max(at + by / over, 0), 1) : 0.5);
    this.#pan = { x: moved(this.#pan.x, right, room.x), y: moved(this.#pan.y, down, room.y) };
    this.#draw();
  }

  /** How large the pictures are drawn, and by how much that is more than there is room for. */
  #drawn() {
    const scale = window.devicePixelRatio || 1;
    const { width = 0, height = 0 } = this.#pixels ?? {};
    const size = { x: width / scale, y: height / scale };
    return { size, room: { x: size.x - this.#element.clientWidth, y: size.y - this.#element.clientHeight } };
  }

  #draw() {
    const { style } = this.#element;
    // What has no rendition has no size to be drawn at: all of it is shown.
    const drawn = this.zoomed && this.#pixels !== undefined;
    this.#element.toggleAttribute("data-zoom", drawn);
    if (!drawn) {
      for (const name of ["--w", "--h", "--x", "--y"]) style.removeProperty(name);
      return;
    }
    const { size, room } = this.#drawn();
    style.setProperty("--w", `${size.x}px`);
    style.setProperty("--h", `${size.y}px`);
    // What is smaller than the room stands in its middle.
    style.setProperty("--x", `${Math.round(-room.x * (room.x > 0 ? this.#pan.x : 0.5))}px`);
    style.setProperty("--y", `${Math.round(-room.y * (room.y > 0 ? this.#pan.y : 0.5))}px`);
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
    this.#at = percent;
    this.#position.value = percent;
    this.#element.style.setProperty("--at", percent / 100);
    this.#element.dataset.side = percent === 0 ? "served" : percent === 100 ? "original" : "both";
  }

  #listenToPointer(large) {
    const frame = this.#element;
    const follow = (event) => {
      const box = frame.getBoundingClientRect();
      this.#place(Math.min(Math.max((100 * (event.clientX - box.left)) / box.width, 0), 100));
    };
    frame.addEventListener("pointerdown", (press) => {
      if (press.button !== 0) return;
      const box = frame.getBoundingClientRect();
      const pans = this.zoomed && Math.abs(press.clientX - box.left - (this.#at / 100) * box.width) > GRIP_PIXELS;
      let dragging = false;
      let last = press;
      const move = (event) => {
        if (!dragging && Math.hypot(event.clientX - press.clientX, event.clientY - press.clientY) < DRAG_PIXELS) return;
        if (!dragging) frame.setPointerCapture(press.pointerId);
        dragging = true;
        if (pans) this.pan(last.clientX - event.clientX, last.clientY - event.clientY);
        else {
          this.showOriginal();
          follow(event);
        }
        last = event;
      };
      const finish = (event) => {
        frame.removeEventListener("pointermove", move);
        frame.removeEventListener("pointerup", finish);
        frame.removeEventListener("pointercancel", finish);
        if (dragging || event.type !== "pointerup") return;
        if (large) this.flip();
        else this.dispatchEvent(new Event("open"));
      };
      frame.addEventListener("pointermove", move);
      frame.addEventListener("pointerup", finish);
      frame.addEventListener("pointercancel", finish);
    });
    if (!large) return;
    frame.addEventListener(
      "wheel",
      (event) => {
        if (!this.zoomed || event.ctrlKey) return;
        event.preventDefault();
        this.pan(event.deltaX, event.deltaY);
      },
      { passive: false },
    );
    new ResizeObserver(() => this.#draw()).observe(frame);
  }
}
