// The page of the whole fleet: overview, filters, table.

import { keyOf } from "./columns.js";
import { h, replace } from "./dom.js";
import { fleetAddress, isFiltered, order, readFilter, select } from "./filter.js";
import { FilterBar } from "./filter_bar.js";
import { Overview } from "./overview.js";
import { Table } from "./table.js";

const REORDER_MS = 5000; // lines that jump every second cannot be clicked
const OFFER_MS = 10000; // what menus offer seldom changes

/** @typedef {import("./router.js").View} View */

/** @implements {View} */
export class FleetView {
  title = "Fleet";
  #orderedAt = -Infinity;
  #offeredAt = -Infinity;
  /** @type {import("./fleet.js").Entry[]} */
  #shown = [];

  /** @param {import("./fleet.js").Fleet} fleet */
  constructor(fleet) {
    this.fleet = fleet;
    this.overview = new Overview();
    this.bar = new FilterBar((filter) => this.#go(filter));
    this.table = new Table(
      (sort) => this.#go({ ...this.filter, sort }),
      (device) => `#/devices/${encodeURIComponent(device)}`,
    );
    this.empty = h("div", { class: "empty", hidden: true });
    this.element = h(
      "div",
      {},
      h("h1", { class: "unseen" }, "Fleet"),
      this.overview.element,
      this.bar.element,
      this.table.element,
      this.empty,
    );
    this.filter = readFilter(new URLSearchParams());
    this.abort = new AbortController();
    const { signal } = this.abort;
    fleet.addEventListener("change", () => this.#refresh(false), { signal });
    addEventListener("scroll", () => this.table.drawSoon(), { signal, passive: true });
    addEventListener("resize", () => this.table.drawSoon(), { signal });
    addEventListener("keydown", (event) => this.#press(event), { signal });
  }

  close() {
    this.abort.abort();
  }

  /** @param {URLSearchParams} parameters */
  setParameters(parameters) {
    this.filter = readFilter(parameters);
    this.bar.setFilter(this.filter);
    this.#refresh(true);
  }

  /** Show what fits a filter, at an address of its own. @param {import("./filter.js").Filter} filter */
  #go(filter) {
    history.replaceState(null, "", fleetAddress(filter));
    this.setParameters(new URLSearchParams(location.hash.split("?")[1]));
  }

  /** @param {boolean} isAsked Something was asked for; else only figures have come. */
  #refresh(isAsked) {
    const { entries, isLoaded } = this.fleet;
    const time = performance.now();
    this.#choose(isAsked, time);
    this.overview.show(entries.values());
    if (time - this.#offeredAt > OFFER_MS) {
      this.bar.offer(entries.values());
      this.#offeredAt = isLoaded ? time : -Infinity;
    }
    if (isLoaded) this.bar.tell(this.#shown.length, entries.size);
    this.#tellEmptiness();
    this.table.show(this.#shown, this.filter.sort);
  }

  /** Order anew when asked to, or now and then; in between keep the order, with the newest rows. */
  #choose(isAsked, time) {
    const found = select(this.fleet.entries.values(), this.filter);
    if (isAsked || time - this.#orderedAt > REORDER_MS || found.length !== this.#shown.length) {
      this.#shown = order(found, this.filter.sort || "device", keyOf);
      this.#orderedAt = time;
    } else {
      this.#shown = this.#shown.map((entry) => this.fleet.entries.get(entry.row.device) ?? entry);
    }
  }

  #tellEmptiness() {
    this.empty.hidden = this.#shown.length > 0;
    this.table.element.hidden = this.#shown.length === 0;
    if (!this.empty.hidden) replace(this.empty, explainEmptiness(this.fleet, isFiltered(this.filter)));
  }

  #press(event) {
    const isTyping = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
    if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || document.querySelector("dialog[open]"))
      return;
    event.preventDefault();
    this.bar.search.focus();
  }
}

function explainEmptiness(fleet, hasFilter) {
  if (!fleet.isLoaded)
    return h(
      "p",
      { class: "quiet" },
      fleet.trouble ? "No devices yet: the console could not be asked." : "Loading devices …",
    );
  if (hasFilter && fleet.entries.size)
    return [h("p", {}, "No device fits this search."), h("a", { class: "button", href: "#/" }, "Show all devices")];
  return [
    h("h2", {}, "No devices yet"),
    h("p", {}, "On this machine, enrol one:"),
    h("pre", {}, "edgefuse fleet enrol door-3"),
    h("p", {}, "and on the board, with the file that it wrote:"),
    h("pre", {}, "sudo edgefuse install-service --now\nsudo edgefuse join door-3.join"),
    h("p", { class: "quiet" }, "To look around first: edgefuse fleet simulate --devices 20"),
  ];
}
