// The fleet's table: of any number of devices only those in sight are in the page.

import { COLUMNS } from "./columns.js";
import { h, replace, setText } from "./dom.js";

/** @typedef {import("./fleet.js").Entry} Entry */

const SPARE_ROWS = 8; // above and below what is in sight, for scrolling by keys and touch

export class Table {
  /** @type {Entry[]} */
  #entries = [];
  /** @type {Map<string, Line>} */
  #lines = new Map();
  #active = "";
  #row_px = 0;

  /**
   * @param {(sort: string) => void} onSort
   * @param {(device: string) => string} addressOf
   */
  constructor(onSort, addressOf) {
    this.addressOf = addressOf;
    this.heads = COLUMNS.map((column) => makeHead(column, onSort));
    this.before = h("tbody", { "aria-hidden": "true" });
    this.body = h("tbody", { onkeydown: (event) => this.#press(event), onfocusin: (event) => this.#focus(event) });
    this.after = h("tbody", { "aria-hidden": "true" });
    const head = h("thead", {}, h("tr", { "aria-rowindex": 1 }, this.heads));
    const caption = h(
      "caption",
      { class: "unseen" },
      "Devices. Arrow keys move from device to device, Enter opens one.",
    );
    this.element = h("table", { class: "fleet" }, caption, head, this.before, this.body, this.after);
    this.#row_px = parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--row-px"));
    this.frame = 0;
  }

  /** Show these, in this order. @param {Entry[]} entries @param {string} sort */
  show(entries, sort) {
    this.#entries = entries;
    this.element.setAttribute("aria-rowcount", String(entries.length + 1));
    for (const head of this.heads) markSort(head, sort || "device");
    this.draw();
  }

  /** Draw at the next frame, however often this is called until then. */
  drawSoon() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  /** Have in the page what is in sight now. */
  draw() {
    if (!this.element.isConnected) return;
    const above_px = -this.body.parentElement.getBoundingClientRect().top;
    const first = clamp(Math.floor(above_px / this.#row_px) - SPARE_ROWS, this.#entries.length);
    const last = clamp(Math.ceil((above_px + innerHeight) / this.#row_px) + SPARE_ROWS, this.#entries.length);
    setHeight(this.before, first * this.#row_px);
    setHeight(this.after, (this.#entries.length - last) * this.#row_px);
    this.#place(first, last);
  }

  /** @param {number} first @param {number} last */
  #place(first, last) {
    const shown = this.#entries.slice(first, last);
    const names = new Set(shown.map((entry) => entry.row.device));
    const free = [...this.#lines.values()].filter((line) => !names.has(line.device) && !line.hasFocus);
    for (const line of free) this.#lines.delete(line.device);
    const reached = names.has(this.#active) ? -1 : Math.min(first ? SPARE_ROWS : 0, shown.length - 1);
    let at = this.body.firstElementChild;
    shown.forEach((entry, i) => {
      const { device } = entry.row;
      const line = this.#lines.get(device) ?? free.pop() ?? new Line();
      this.#lines.set(device, line);
      line.show(entry.row, first + i, this.addressOf(device));
      line.setReachable(device === this.#active || i === reached);
      if (line.element === at) at = at.nextElementSibling;
      else this.body.insertBefore(line.element, at);
    });
    for (const line of free) line.element.remove();
    for (const [device, line] of this.#lines) if (!names.has(device)) this.#drop(device, line);
  }

  #drop(device, line) {
    line.element.remove();
    this.#lines.delete(device);
  }

  #focus(event) {
    this.#active = event.target.closest("tr")?.dataset.device ?? "";
  }

  #press(event) {
    const at = this.#entries.findIndex((entry) => entry.row.device === this.#active);
    const page = Math.max(1, Math.floor(innerHeight / this.#row_px) - 4);
    const steps = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: Infinity,
    };
    if (at < 0 || !(event.key in steps)) return;
    event.preventDefault();
    this.#go(Math.max(0, Math.min(steps[event.key], this.#entries.length - 1)));
  }

  /** Bring a device into sight, and the focus to it. @param {number} index */
  #go(index) {
    this.#active = this.#entries[index].row.device;
    const top_px = this.element.getBoundingClientRect().top + scrollY + index * this.#row_px;
    const margin_px = 3 * this.#row_px; // under the header that stays
    if (top_px < scrollY + margin_px) scrollTo({ top: top_px - margin_px });
    else if (top_px + margin_px > scrollY + innerHeight) scrollTo({ top: top_px + margin_px - innerHeight });
    this.draw();
    this.#lines.get(this.#active)?.link.focus({ preventScroll: true });
  }
}

/** One line of the table; used for one device after another. */
class Line {
  device = "";

  constructor() {
    this.link = h("a", {});
    this.cells = COLUMNS.map((column) => h(column.id === "device" ? "th" : "td", { class: `c-${column.id}` }));
    this.cells[0].scope = "row";
    this.cells[0].append(this.link);
    this.element = h("tr", { onclick: (event) => this.#open(event) }, this.cells);
  }

  get hasFocus() {
    return this.element.contains(document.activeElement);
  }

  /** @param {import("./fleet.js").Row} row @param {number} index @param {string} address */
  show(row, index, address) {
    if (this.device !== row.device) {
      this.device = this.element.dataset.device = row.device;
      this.link.href = address;
    }
    this.element.setAttribute("aria-rowindex", String(index + 2));
    COLUMNS.forEach((column, i) => {
      const cell = this.cells[i];
      setText(i ? cell : this.link, column.text(row));
      const title = column.title?.(row) ?? "";
      if (cell.title !== title) cell.title = title;
      const name = [
        `c-${column.id}`,
        column.isFigure ? "figure" : "",
        column.tone ? `is-${column.tone(row)}` : "",
      ].join(" ");
      if (cell.className !== name) cell.className = name;
    });
  }

  /** Of all lines, the Tab key reaches one; from there arrow keys go on. @param {boolean} isReachable */
  setReachable(isReachable) {
    this.link.tabIndex = isReachable ? 0 : -1;
  }

  #open(event) {
    if (event.target !== this.link && !String(getSelection())) this.link.click();
  }
}

/** @param {import("./columns.js").Column} column @param {(sort: string) => void} onSort */
function makeHead(column, onSort) {
  const button = h("button", { type: "button", class: "sort" }, column.name);
  const head = h(
    "th",
    { scope: "col", class: `c-${column.id} ${column.isFigure ? "figure" : ""}`, "data-id": column.id },
    button,
  );
  button.addEventListener("click", () => {
    const isUp = head.getAttribute("aria-sort") === "ascending";
    const isFirst = head.getAttribute("aria-sort") === "none";
    const isDown = isFirst ? Boolean(column.isFigure) : isUp; // of figures, the greatest is asked for first
    onSort(isDown ? `-${column.id}` : column.id);
  });
  return head;
}

function markSort(head, sort) {
  const isThis = sort.replace(/^-/, "") === head.dataset.id;
  head.setAttribute("aria-sort", isThis ? (sort.startsWith("-") ? "descending" : "ascending") : "none");
}

function setHeight(spacer, height_px) {
  if (!spacer.firstChild) replace(spacer, h("tr", {}, h("td")));
  spacer.hidden = height_px === 0;
  spacer.firstChild.firstChild.style.height = `${height_px}px`;
}

const clamp = (value, greatest) => Math.max(0, Math.min(value, greatest));
