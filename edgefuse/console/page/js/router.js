// Which page the address names: `#/`, `#/devices/NAME`, `#/releases` …

/**
 * @typedef {object} View A page.
 * @property {string} title
 * @property {Element} element
 * @property {(parameters: URLSearchParams) => void} setParameters What stands after `?`, now and whenever it changes.
 * @property {() => void} close
 *
 * @typedef {(argument: string) => View} MakeView
 */

export class Router {
  #path = "";
  /** @type {View | null} */
  #view = null;

  /**
   * @param {Element} place
   * @param {Record<string, MakeView>} views By the first word of the path.
   * @param {(path: string) => void} onMove
   */
  constructor(place, views, onMove) {
    this.place = place;
    this.views = views;
    this.onMove = onMove;
    addEventListener("hashchange", () => this.#view && this.show());
  }

  /** Show the page that the address names. */
  show() {
    const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
    if (!this.#view || path !== this.#path) this.#open(path);
    this.#view?.setParameters(new URLSearchParams(query));
  }

  close() {
    this.#view?.close();
    this.#view = null;
  }

  #open(path) {
    const hadView = this.#view !== null;
    this.close();
    this.#path = path;
    const [word, ...rest] = path.split("/");
    const make = this.views[Object.hasOwn(this.views, word) ? word : ""];
    this.#view = make(decode(rest.join("/")));
    this.place.replaceChildren(this.#view.element);
    document.title = `${this.#view.title} – edgefuse`;
    this.onMove(word);
    if (hadView) this.#begin();
  }

  /** Have readers of the screen, and the eye, begin at the top of a new page. */
  #begin() {
    scrollTo({ top: 0 });
    /** @type {HTMLElement} */ (this.place).focus({ preventScroll: true });
  }
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
