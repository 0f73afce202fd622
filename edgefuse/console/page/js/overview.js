// The strip above the table: what all devices amount to; every count is a way to the devices that it counts.

import { h, isNews, replace, setText } from "./dom.js";
import { fleetAddress } from "./filter.js";
import { number } from "./format.js";

const RELEASES = 3; // the others are in the menu
/** @type {[string, [string, string, string][]][]} Groups of state, name, tone. */
const GROUPS = [
  [
    "Devices",
    [
      ["online", "online", "good"],
      ["silent", "silent", "warn"],
      ["offline", "offline", "bad"],
      ["unseen", "never seen", "dim"],
    ],
  ],
  [
    "Heat",
    [
      ["hot", "hot", "warn"],
      ["throttled", "throttled", "bad"],
    ],
  ],
  [
    "Pipeline",
    [
      ["slow", "slow", "warn"],
      ["stopped", "not running", "bad"],
    ],
  ],
  [
    "Updates",
    [
      ["updating", "under way", "busy"],
      ["failed", "failed", "bad"],
    ],
  ],
];

export class Overview {
  constructor() {
    /** @type {Map<string, {link: any, count: any, tone: string}>} */
    this.counts = new Map();
    this.releases = h("ul", {});
    const groups = GROUPS.map(([name, states]) => this.#makeGroup(name, states));
    groups.splice(3, 0, makeSection("Releases", this.releases));
    this.element = h("div", { class: "overview" }, groups);
  }

  /** @param {Iterable<import("./fleet.js").Entry>} entries */
  show(entries) {
    const [states, releases] = count(entries);
    for (const [state, { link, count: shown, tone }] of this.counts) {
      const n = states.get(state) ?? 0;
      setText(shown, number(n));
      link.className = `is-${n ? tone : "dim"}`;
      link.parentElement.className = n ? "" : "zero";
    }
    const most = [...releases].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
    const told = most.slice(0, RELEASES).map(([release, n]) => makeCount(fleetAddress({ release }), release, n));
    const rest = most.length - told.length;
    const items = [...told, rest > 0 && h("li", { class: "quiet" }, `and ${rest} more`)];
    if (isNews(this.releases, most))
      replace(this.releases, most.length ? items : h("li", { class: "quiet" }, "none yet"));
  }

  #makeGroup(name, states) {
    const items = states.map(([state, text, tone]) => {
      const shown = h("b", {}, "0");
      const link = h("a", { href: fleetAddress({ state }) }, shown, h("span", {}, ` ${text}`));
      this.counts.set(state, { link, count: shown, tone });
      return h("li", {}, link);
    });
    return makeSection(name, h("ul", {}, items));
  }
}

const makeSection = (name, list) => h("section", {}, h("h2", {}, name), list);

const makeCount = (address, text, n) =>
  h(
    "li",
    {},
    h(
      "a",
      { href: address, title: `release ${text}` },
      h("b", {}, number(n)),
      h("span", { class: "release" }, ` on ${text}`),
    ),
  );

/** @param {Iterable<import("./fleet.js").Entry>} entries @returns {[Map<string, number>, Map<string, number>]} */
function count(entries) {
  const states = new Map();
  const releases = new Map();
  const add = (counts, key) => counts.set(key, (counts.get(key) ?? 0) + 1);
  for (const entry of entries) {
    for (const state of entry.states) add(states, state);
    if (entry.row.release) add(releases, entry.row.release);
  }
  return [states, releases];
}
