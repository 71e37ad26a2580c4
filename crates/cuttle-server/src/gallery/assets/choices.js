// What the visitor chose: format, width, quality. They live in the URL's hash, so that a reload or a shared
// link shows the same thing.

export class Choices extends EventTarget {
  #form;

  constructor(form, defaultQuality) {
    super();
    this.#form = form;
    this.defaultQuality = defaultQuality;
    this.#read();
    form.addEventListener("change", () => {
      history.replaceState(null, "", `#${this.#hash()}`);
      this.dispatchEvent(new Event("change"));
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    addEventListener("hashchange", () => {
      this.#read();
      this.dispatchEvent(new Event("change"));
    });
  }

  get format() {
    return this.#form.elements.format.value;
  }

  get width() {
    return Number(this.#form.elements.w.value);
  }

  /** There is a control for it only where there is a choice. */
  get quality() {
    return Number(this.#form.elements.q?.value ?? this.defaultQuality);
  }

  /** These choices as plain values, for one request. */
  now() {
    return { format: this.format, width: this.width, quality: this.quality, defaultQuality: this.defaultQuality };
  }

  #hash() {
    return new URLSearchParams(new FormData(this.#form)).toString();
  }

  /** Only values that the form offers are taken from the hash. */
  #read() {
    const hash = new URLSearchParams(location.hash.slice(1));
    for (const radio of this.#form.elements.format) {
      if (radio.value === hash.get("format")) radio.checked = true;
    }
    for (const select of this.#form.querySelectorAll("select")) {
      const wanted = [...select.options].find((option) => option.value === hash.get(select.name));
      if (wanted) wanted.selected = true;
    }
  }
}
