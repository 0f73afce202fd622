// What devices told, the newest first.

import { get } from "./api.js";
import { since } from "./clock.js";
import { h, isNews, replace } from "./dom.js";
import { makeChip, makeProblem } from "./parts.js";

const REFRESH_MS = 5000;
const LIMIT = 200;
const TONES = { info: "dim", warning: "warn", error: "bad" };

/** @typedef {import("./router.js").View} View */

/** @implements {View} */
export class EventsView {
  title = "Events";

  constructor() {
    this.problem = h("div");
    this.list = h("div", {}, h("p", { class: "quiet" }, "Loading …"));
    this.only = h("input", { type: "checkbox", id: "only-urgent", onchange: () => this.#show() });
    this.element = h(
      "div",
      {},
      h(
        "div",
        { class: "page-head" },
        h("h1", {}, "Events"),
        h("label", { for: "only-urgent" }, this.only, " Warnings and errors only"),
      ),
      this.problem,
      h("section", { class: "card" }, this.list),
    );
    this.timer = setInterval(() => this.#load(), REFRESH_MS);
    this.events = null;
    this.#load();
  }

  setParameters() {}

  close() {
    clearInterval(this.timer);
  }

  async #load() {
    try {
      this.events = (await get(`/api/events/last?limit=${LIMIT}`)).events;
      replace(this.problem);
      this.#show();
    } catch (e) {
      replace(
        this.problem,
        makeProblem(e.message, () => this.#load()),
      );
    }
  }

  #show() {
    if (this.events)
      drawEvents(
        this.list,
        this.only.checked ? this.events.filter((event) => event.level !== "info") : this.events,
        true,
      );
  }
}

/** @param {Element} place @param {any[]} events @param {boolean} isOfAll Of more than one device. */
export function drawEvents(place, events, isOfAll) {
  if (
    !isNews(
      place,
      events.map((event) => event.id),
    )
  )
    return;
  if (!events.length) return replace(place, h("p", { class: "quiet" }, "Nothing happened yet."));
  replace(
    place,
    h(
      "ul",
      { class: "events" },
      events.map((event) =>
        h(
          "li",
          {},
          since(event.heard_s),
          makeChip(event.level, TONES[event.level] ?? "dim"),
          isOfAll && h("a", { href: `#/devices/${encodeURIComponent(event.device)}` }, event.device),
          h("span", { class: "event-text" }, event.text, " ", h("code", {}, event.kind)),
        ),
      ),
    ),
  );
}
