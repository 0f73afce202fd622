// A device's history: temperature, rate, point and latency over a span that one chooses.

import { devicePath, get } from "./api.js";
import { now } from "./clock.js";
import { h, replace } from "./dom.js";
import { makeProblem } from "./parts.js";
import { Plot } from "./plot.js";

/** @typedef {import("./plot.js").Lane} Lane */

/** Name, seconds, and from which bucket to which. @type {[string, number, number][]} */
const SPANS = [
  ["1 h", 3600, 10],
  ["6 h", 21600, 300],
  ["24 h", 86400, 300],
  ["7 d", 604800, 3600],
];
const LEAST_SPAN_S = 300;
const REFRESH_MS = 10000; // reports come so often
const METRICS = ["temp_c", "fps", "point", "latency_p95_ms"];
const KINDS = {
  throttled: "bad",
  too_hot: "bad",
  zone_lost: "warn",
  point_changed: "busy",
  worker_crashed: "bad",
  worker_hung: "bad",
  memory_killed: "bad",
  source_lost: "warn",
  source_back: "good",
  update_begun: "busy",
  update_committed: "good",
  update_rolled_back: "bad",
  update_failed: "bad",
  update_rejected: "bad",
  pinned: "dim",
};
/**
 * Distances to the trip between which a band is, as edgefuse/thermal/observation.py has them, and its tone.
 * @type {[number, number, string][]}
 */
const BANDS = [
  [-15, -5, "mild"],
  [-5, 0, "warn"],
  [0, 1000, "bad"],
];

export class History {
  #choice = SPANS[0];
  /** @type {any[]} */
  #events = [];
  /** @type {number | null} */
  #trip_c = null;

  /** @param {string} device */
  constructor(device) {
    this.device = device;
    this.plot = new Plot();
    this.problem = h("div");
    this.buttons = SPANS.map((choice) =>
      h(
        "button",
        { type: "button", "aria-pressed": String(choice === this.#choice), onclick: () => this.#choose(choice) },
        choice[0],
      ),
    );
    const head = h(
      "div",
      { class: "card-head" },
      h("h2", {}, "History"),
      h("div", { class: "segments", role: "group", "aria-label": "Span" }, this.buttons),
    );
    this.legend = h(
      "p",
      { class: "legend quiet" },
      "Line: mean, shade: least to greatest of each step. ▲: something happened.",
    );
    this.element = h("section", { class: "card" }, head, this.problem, this.plot.element, this.legend);
    this.timer = setInterval(() => this.load(), REFRESH_MS);
  }

  close() {
    clearInterval(this.timer);
    this.plot.close();
  }

  /** @param {any[]} events Of the device, in any order. */
  setEvents(events) {
    this.#events = events;
    this.#show();
  }

  /** @param {number | null} trip_c Of the hottest zone. */
  setTrip(trip_c) {
    this.#trip_c = trip_c;
    this.#show();
  }

  async load() {
    const [, length_s, step_s] = this.#choice;
    const until_s = now();
    const span = { since_s: until_s - length_s, until_s, step_s };
    const options = { since_s: String(span.since_s), until_s: String(until_s), step_s: String(step_s) };
    const query = (metric) => `/series?${new URLSearchParams({ metric, ...options })}`;
    try {
      const series = await Promise.all(METRICS.map((metric) => get(devicePath(this.device, query(metric)))));
      if (this.#choice[1] !== length_s) return; // another one was chosen meanwhile
      this.loaded = { span, points: Object.fromEntries(series.map((each, i) => [METRICS[i], each.points])) };
      replace(this.problem);
      this.#show();
    } catch (e) {
      replace(
        this.problem,
        makeProblem(e.message, () => this.load()),
      );
    }
  }

  #choose(choice) {
    this.#choice = choice;
    this.buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(SPANS[i] === choice)));
    this.load();
  }

  #show() {
    if (!this.loaded) return;
    const { span, points } = this.loaded;
    const marks = this.#events
      .filter((event) => Object.hasOwn(KINDS, event.kind))
      .map((event) => ({ t_s: event.heard_s, text: event.text, tone: KINDS[event.kind] }));
    const lanes = makeLanes(points, this.#trip_c).filter((lane) => lane.points.length > 0);
    if (!lanes.length) return this.plot.tell(`No reports in the last ${this.#choice[0]}.`);
    this.plot.show(lanes, marks, fitSpan(lanes, span));
  }
}

/** @param {Record<string, any[]>} points @param {number | null} trip_c @returns {Lane[]} */
function makeLanes(points, trip_c) {
  const temps = extent(points.temp_c, 5);
  const zones =
    trip_c === null ? [] : BANDS.map(([from, to, tone]) => ({ from: trip_c + from, to: trip_c + to, tone }));
  const limit = trip_c === null ? null : { value: trip_c, text: `trip ${trip_c} °C` };
  const greatest_c = limit && temps[1] > limit.value - 15 ? Math.max(temps[1], limit.value + 5) : temps[1];
  return [
    {
      name: "Temperature, hottest zone",
      unit: "°C",
      digits: 1,
      height_px: 130,
      points: points.temp_c,
      least: temps[0],
      greatest: greatest_c,
      zones,
      limit,
    },
    {
      name: "Rate",
      unit: "fps",
      digits: 1,
      height_px: 90,
      points: points.fps,
      least: 0,
      greatest: extent(points.fps, 1)[1] * 1.1,
    },
    {
      name: "Operating point (0 is the best)",
      unit: "",
      digits: 0,
      height_px: 48,
      points: points.point,
      least: 0,
      greatest: Math.max(3, extent(points.point, 0)[1]),
      isStepped: true,
    },
    {
      name: "Latency, 95th percentile",
      unit: "ms",
      digits: 0,
      height_px: 70,
      points: points.latency_p95_ms,
      least: 0,
      greatest: extent(points.latency_p95_ms, 1)[1] * 1.1,
    },
  ];
}

/** @param {any[]} points @param {number} spare @returns {[number, number]} */
function extent(points, spare) {
  if (!points.length) return [0, 50];
  return [Math.min(...points.map((point) => point.min)) - spare, Math.max(...points.map((point) => point.max)) + spare];
}

/**
 * Fit a span to the history that there is: what began lately is no speck at its end, and what is kept only coarser has
 * longer steps than were asked for.
 * @param {Lane[]} lanes
 * @param {{since_s: number, until_s: number, step_s: number}} span
 */
function fitSpan(lanes, span) {
  const times_s = lanes[0].points.map((point) => point.t_s);
  const step_s = Math.max(span.step_s, Math.min(...times_s.slice(1).map((t_s, i) => t_s - times_s[i]), Infinity));
  const first_s = Math.min(...lanes.map((lane) => lane.points[0].t_s), span.until_s - LEAST_SPAN_S);
  return { ...span, since_s: Math.max(span.since_s, first_s), step_s: Number.isFinite(step_s) ? step_s : span.step_s };
}
