// How figures of a device went over time: one strip of plots that share their time axis.

import { h, replace, s } from "./dom.js";
import { moment, number } from "./format.js";
import { makeScale, roundMarks, timeMarks } from "./scale.js";

/**
 * @typedef {{t_s: number, mean: number, min: number, max: number}} Point
 * @typedef {{t_s: number, text: string, tone: string}} Mark Something that happened.
 * @typedef {{from: number, to: number, tone: string}} Zone Values of one tone.
 *
 * @typedef {object} Lane One plot.
 * @property {string} name
 * @property {string} unit
 * @property {number} digits
 * @property {number} height_px
 * @property {Point[]} points
 * @property {number} least What the axis shows at least.
 * @property {number} greatest
 * @property {boolean} [isStepped] The value holds until the next one.
 * @property {Zone[]} [zones]
 * @property {{value: number, text: string} | null} [limit]
 */

const LEFT_PX = 46;
const RIGHT_PX = 12;
const GAP_PX = 34;
const FOOT_PX = 22;
const TOP_PX = 22;
const MARKS_PX = 14;

export class Plot {
  constructor() {
    this.readout = h("output", { class: "readout" });
    this.place = h("div", { class: "plot" });
    this.element = h("figure", { class: "plots" }, this.place, this.readout);
    this.width_px = 0;
    this.watch = new ResizeObserver(([entry]) => this.#resize(entry.contentRect.width));
    this.watch.observe(this.place);
  }

  close() {
    this.watch.disconnect();
  }

  /**
   * @param {Lane[]} lanes
   * @param {Mark[]} marks
   * @param {{since_s: number, until_s: number, step_s: number}} span
   */
  show(lanes, marks, span) {
    this.shown = { lanes, marks, span };
    this.#draw();
  }

  /** Tell why there is no plot. @param {string} text */
  tell(text) {
    this.shown = undefined;
    replace(this.place, h("p", { class: "quiet" }, text));
    replace(this.readout);
  }

  #resize(width_px) {
    if (Math.abs(width_px - this.width_px) < 1) return;
    this.width_px = width_px;
    this.#draw();
  }

  #draw() {
    if (!this.shown || !this.width_px) return;
    const { lanes, marks, span } = this.shown;
    const height_px = TOP_PX + MARKS_PX + FOOT_PX + lanes.reduce((sum, lane) => sum + lane.height_px + GAP_PX, -GAP_PX);
    const time = makeScale(span.since_s, span.until_s, LEFT_PX, this.width_px - RIGHT_PX);
    let top_px = TOP_PX;
    const drawn = lanes.map((lane) => {
      const part = drawLane(lane, time, top_px, span.step_s);
      top_px += lane.height_px + GAP_PX;
      return part;
    });
    const bottom_px = top_px - GAP_PX;
    this.cursor = s("line", { class: "cursor", y1: TOP_PX, y2: bottom_px, visibility: "hidden" });
    const svg = s("svg", {
      width: this.width_px, height: height_px, viewBox: `0 0 ${this.width_px} ${height_px}`, role: "img", tabindex: 0,
      "aria-label": `${lanes.map(describe).join(". ")}. Arrow keys read values.`,
      onpointermove: (event) => this.#point(time, event.offsetX),
      onpointerleave: () => this.#leave(), onblur: () => this.#leave(),
      onkeydown: (event) => this.#press(event, time),
    }, drawTimes(time, bottom_px, this.width_px), drawn, drawMarks(marks, time, bottom_px), this.cursor);
    replace(this.place, svg);
    this.#leave();
  }

  #press(event, time) {
    const { span } = this.shown;
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at_s = (this.at_s ?? span.until_s) + step * span.step_s;
    this.#read(time, Math.max(span.since_s, Math.min(at_s, span.until_s)));
  }

  #point(time, x_px) {
    const { since_s, until_s } = this.shown.span;
    const share = (x_px - LEFT_PX) / (this.width_px - LEFT_PX - RIGHT_PX);
    this.#read(time, since_s + Math.max(0, Math.min(share, 1)) * (until_s - since_s));
  }

  #read(time, at_s) {
    const { lanes, marks, span } = this.shown;
    this.at_s = at_s;
    this.cursor.setAttribute("visibility", "visible");
    this.cursor.setAttribute("x1", time.place(at_s));
    this.cursor.setAttribute("x2", time.place(at_s));
    const near_s = (span.until_s - span.since_s) / 100;
    const values = lanes.map((lane) => `${lane.name} ${valueAt(lane, at_s, span.step_s)}`);
    const told = marks.filter((mark) => Math.abs(mark.t_s - at_s) < near_s).map((mark) => mark.text);
    replace(this.readout, `${moment(at_s)} · ${[...values, ...told].join(" · ")}`);
  }

  #leave() {
    this.at_s = undefined;
    this.cursor?.setAttribute("visibility", "hidden");
    replace(this.readout, "Point at the plot, or use arrow keys, to read values.");
  }
}

/** @param {Lane} lane */
function drawLane(lane, time, top_px, step_s) {
  const value = makeScale(lane.least, lane.greatest, top_px + lane.height_px, top_px);
  const marks = lane.isStepped ? roundMarks(lane.least, lane.greatest, 3).filter(Number.isInteger) : roundMarks(lane.least, lane.greatest, 4);
  const [left_px, right_px] = [time.place(time.least), time.place(time.greatest)];
  const rule = (each) => s("line", { class: "rule", x1: left_px, x2: right_px, y1: value.place(each), y2: value.place(each) });
  const text = (each) => s("text", { class: "tick end", x: left_px - 6, y: value.place(each) + 4 }, String(+each.toFixed(6)));
  const title = s("text", { class: "lane", x: left_px, y: top_px - 9 }, lane.unit ? `${lane.name}, ${lane.unit}` : lane.name);
  const zones = (lane.zones ?? []).map((zone) => drawZone(zone, value, left_px, right_px));
  const runs = split(lane.points, step_s);
  const spread = lane.isStepped ? [] : runs.map((run) => s("path", { class: "spread", d: spreadPath(run, time, value) }));
  const lines = runs.map((run) => s("path", { class: "line", d: linePath(run, time, value, lane.isStepped ? step_s : 0) }));
  return s("g", {}, zones, marks.map(rule), drawLimit(lane.limit, value, left_px, right_px), spread, lines, marks.map(text), title,
    !lane.points.length && s("text", { class: "tick", x: left_px + 8, y: top_px + lane.height_px / 2 }, "no reports in this span"));
}

function drawZone(zone, value, left_px, right_px) {
  const [from, to] = [Math.max(zone.from, value.least), Math.min(zone.to, value.greatest)];
  if (from >= to) return null;
  const y = value.place(to);
  return s("rect", { class: `zone is-${zone.tone}`, x: left_px, width: right_px - left_px, y, height: value.place(from) - y });
}

function drawLimit(limit, value, left_px, right_px) {
  if (!limit || limit.value > value.greatest || limit.value < value.least) return null;
  const y = value.place(limit.value);
  return [s("line", { class: "limit", x1: left_px, x2: right_px, y1: y, y2: y }), s("text", { class: "tick end limit-name", x: right_px - 4, y: y - 4 }, limit.text)];
}

function drawTimes(time, bottom_px, width_px) {
  const count = Math.max(2, Math.min(8, Math.floor(width_px / 90)));
  return timeMarks(time.least, time.greatest, count).map(({ t_s, text }) => [
    s("line", { class: "rule", x1: time.place(t_s), x2: time.place(t_s), y1: TOP_PX, y2: bottom_px }),
    s("text", { class: "tick middle", x: time.place(t_s), y: bottom_px + MARKS_PX + FOOT_PX - 6 }, text),
  ]);
}

/** Show what happened as marks under the plots. @param {Mark[]} marks */
function drawMarks(marks, time, bottom_px) {
  return marks.filter((mark) => mark.t_s >= time.least && mark.t_s <= time.greatest).map((mark) => {
    const x = time.place(mark.t_s);
    const y = bottom_px + 5;
    return s("path", { class: `mark is-${mark.tone}`, d: `M${x} ${y}l5 9h-10z` }, s("title", {}, `${moment(mark.t_s)} ${mark.text}`));
  });
}

/** Cut where reports are missing. @param {Point[]} points */
function split(points, step_s) {
  /** @type {Point[][]} */
  const runs = [];
  points.forEach((point, i) => {
    const isNew = i === 0 || point.t_s - points[i - 1].t_s > 2.5 * step_s;
    if (isNew) runs.push([]);
    runs[runs.length - 1].push(point);
  });
  return runs;
}

function linePath(run, time, value, step_s) {
  const steps = run.map(({ t_s, mean }, i) => {
    const [x, y] = [time.place(t_s).toFixed(1), value.place(mean).toFixed(1)];
    return i === 0 ? `M${x} ${y}` : step_s ? `H${x}V${y}` : `L${x} ${y}`;
  });
  const last = run[run.length - 1];
  const end = step_s || run.length === 1 ? `h${(time.place(last.t_s + (step_s || 10)) - time.place(last.t_s)).toFixed(1)}` : "";
  return steps.join("") + end;
}

function spreadPath(run, time, value) {
  const there = run.map(({ t_s, max }) => `${time.place(t_s).toFixed(1)} ${value.place(max).toFixed(1)}`);
  const back = run.map(({ t_s, min }) => `${time.place(t_s).toFixed(1)} ${value.place(min).toFixed(1)}`).reverse();
  return `M${[...there, ...back].join("L")}Z`;
}

/** @param {Lane} lane */
function valueAt(lane, at_s, step_s) {
  const near = lane.points.reduce((best, point) => (Math.abs(point.t_s - at_s) < Math.abs(best.t_s - at_s) ? point : best), { t_s: Infinity, mean: 0 });
  return Math.abs(near.t_s - at_s) > 2.5 * step_s ? "no report" : `${number(near.mean, lane.digits)} ${lane.unit}`.trim();
}

/** @param {Lane} lane */
function describe(lane) {
  if (!lane.points.length) return `${lane.name}: no reports`;
  const show = (value) => `${number(value, lane.digits)} ${lane.unit}`.trim();
  const [least, greatest] = [Math.min(...lane.points.map((point) => point.min)), Math.max(...lane.points.map((point) => point.max))];
  return `${lane.name} from ${show(least)} to ${show(greatest)}, last ${show(lane.points[lane.points.length - 1].mean)}`;
}
