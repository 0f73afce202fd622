// Small parts that several pages are made of.

import { h } from "./dom.js";

/** Say that something went wrong, and how to try again. @param {string} text @param {() => void} [again] */
export function makeProblem(text, again) {
  return h(
    "div",
    { class: "problem", role: "alert" },
    h("p", {}, text),
    again && h("button", { type: "button", onclick: again }, "Try again"),
  );
}

/** A word in the colour of its tone. @param {string} text @param {string} tone */
export const makeChip = (text, tone) => h("span", { class: `chip is-${tone}` }, text);

/** @param {string} title @param {...any} children */
export const makeCard = (title, ...children) => h("section", { class: "card" }, h("h2", {}, title), ...children);

/** A list of names and what they are. @param {[string, any][]} pairs */
export const makeFacts = (pairs) =>
  h(
    "dl",
    { class: "facts" },
    pairs.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );

/**
 * A table of texts and elements that scrolls by itself where it is too wide.
 * @param {string} caption
 * @param {string[]} heads
 * @param {any[][]} lines
 */
export function makeTable(caption, heads, lines) {
  const head = h(
    "thead",
    {},
    h(
      "tr",
      {},
      heads.map((text) => h("th", { scope: "col" }, text)),
    ),
  );
  const body = h(
    "tbody",
    {},
    lines.map((cells) =>
      h(
        "tr",
        {},
        cells.map((cell) => h("td", {}, cell)),
      ),
    ),
  );
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    h("table", { class: "plain" }, h("caption", { class: "unseen" }, caption), head, body),
  );
}

/** How much of something is done. @param {number | null} share 0 to 1; null where nobody knows. @param {string} name */
export function makeBar(share, name) {
  return h("progress", { max: 1, value: share, "aria-label": name });
}
