// Search and menus above the table.

import { h, isNews, replace, setText } from "./dom.js";
import { fleetAddress, isFiltered } from "./filter.js";
import { counted, number } from "./format.js";
import { STATES } from "./states.js";

/** @typedef {import("./filter.js").Filter} Filter */

const MENUS = /** @type {const} */ (["state", "label", "board", "release"]);
const NAMES = { state: "Any state", label: "Any label", board: "Any board", release: "Any release" };

export class FilterBar {
  /** @param {(filter: Filter) => void} onChange */
  constructor(onChange) {
    this.onChange = onChange;
    this.search = h("input", {
      type: "search",
      placeholder: "Search name, board, label … ( / )",
      "aria-label": "Search devices",
      autocomplete: "off",
      spellcheck: "false",
      oninput: () => this.#change(),
    });
    /** @type {Record<string, any>} */
    this.menus = Object.fromEntries(
      MENUS.map((name) => [
        name,
        h("select", { "aria-label": NAMES[name].replace("Any", "Filter by"), onchange: () => this.#change() }),
      ]),
    );
    this.found = h("span", { class: "found", role: "status" });
    this.clear = h("a", { class: "button", href: "#/" }, "Clear");
    this.element = h(
      "form",
      { class: "filters", role: "search", onsubmit: (event) => event.preventDefault() },
      this.search,
      MENUS.map((name) => this.menus[name]),
      this.clear,
      this.found,
    );
    fillMenu(this.menus.state, NAMES.state, STATES);
  }

  /** Take over what the address says. @param {Filter} filter */
  setFilter(filter) {
    this.filter = filter;
    if (this.search.value !== filter.q) this.search.value = filter.q;
    for (const name of MENUS) setChoice(this.menus[name], filter[name]);
    this.clear.hidden = !isFiltered(filter);
    this.clear.href = fleetAddress({ sort: filter.sort });
  }

  /** Offer what there is among the devices. @param {Iterable<import("./fleet.js").Entry>} entries */
  offer(entries) {
    const found = { label: new Set(), board: new Set(), release: new Set() };
    for (const { row } of entries) {
      for (const [key, value] of Object.entries(row.labels)) found.label.add(`${key}=${value}`);
      if (row.profile) found.board.add(row.profile);
      if (row.release) found.release.add(row.release);
    }
    for (const [name, values] of Object.entries(found)) {
      fillMenu(
        this.menus[name],
        NAMES[name],
        [...values].sort().map((value) => [value, value]),
      );
      setChoice(this.menus[name], this.filter?.[name] ?? "");
    }
  }

  /** @param {number} shown @param {number} all */
  tell(shown, all) {
    setText(this.found, shown === all ? counted(all, "device") : `${number(shown)} of ${counted(all, "device")}`);
  }

  #change() {
    const chosen = Object.fromEntries(MENUS.map((name) => [name, this.menus[name].value]));
    this.onChange({ .../** @type {Filter} */ (this.filter), ...chosen, q: this.search.value });
  }
}

function fillMenu(menu, any, choices) {
  if (!isNews(menu, choices)) return;
  replace(
    menu,
    h("option", { value: "" }, any),
    choices.map(([value, text]) => h("option", { value }, text)),
  );
}

/** Choose, also what no device has any more: the address says so. */
function setChoice(menu, value) {
  if (value && ![...menu.options].some((option) => option.value === value)) menu.append(h("option", { value }, value));
  menu.value = value;
}
