// The live picture, of a device whose supervisor runs where the console does.

import { devicePath } from "./api.js";
import { h } from "./dom.js";

export class PictureCard {
  /** @param {string} device */
  constructor(device) {
    this.image = h("img", { alt: "What the device delivers now", width: 640, height: 480 });
    this.note = h(
      "p",
      { class: "quiet", hidden: true },
      "No picture comes: nothing runs, or its sink is no mjpeg page.",
    );
    this.element = h(
      "section",
      { class: "card picture", hidden: true },
      h("h2", {}, "Live picture"),
      this.image,
      this.note,
    );
    this.image.onerror = () => this.#tell(false);
    this.image.onload = () => this.#tell(true);
    this.address = devicePath(device, "/picture");
  }

  /** @param {boolean} isHere */
  setHere(isHere) {
    if (isHere === !this.element.hidden) return;
    this.element.hidden = !isHere;
    if (isHere) this.image.src = this.address;
    else this.close();
  }

  /** Let go of the stream: a browser holds it even for a picture that is in no page. */
  close() {
    this.image.removeAttribute("src");
  }

  #tell(isThere) {
    this.note.hidden = isThere;
    this.image.hidden = !isThere;
  }
}
