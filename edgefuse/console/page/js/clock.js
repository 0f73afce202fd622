// What time it is where the console runs, and times on the page that stay right while they are shown.

import { ago, moment, NOTHING } from "./format.js";
import { h, setText } from "./dom.js";

const TICK_MS = 5000;
let ahead_s = 0;

/** Take note of the server's time; browsers' clocks may be wrong. @param {number} now_s */
export function setServerTime(now_s) {
  ahead_s = now_s - Date.now() / 1000;
}

/** Give the server's time, Unix seconds. */
export const now = () => Date.now() / 1000 + ahead_s;

/**
 * Make a time that says how long ago it was, and when, for who points at it.
 * @param {number | null | undefined} unix_s
 */
export function since(unix_s) {
  if (unix_s === null || unix_s === undefined) return h("span", { class: "quiet" }, NOTHING);
  const told = moment(unix_s);
  const iso = told === NOTHING ? null : new Date(unix_s * 1000).toISOString();
  return h("time", { datetime: iso, title: told, "data-s": unix_s }, ago(now() - unix_s));
}

function tick() {
  for (const element of document.querySelectorAll("time[data-s]")) {
    setText(element, ago(now() - Number(element.getAttribute("data-s"))));
  }
}

setInterval(tick, TICK_MS);
