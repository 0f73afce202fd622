// How figures of a device went over time: one strip of plots that share their time axis.

import { h, replace, s } from "./dom.js";
import { moment, number } from "./format.js";
import { drawLane, drawMarks, drawTimes, FOOT_PX, GAP_PX, LEFT_PX, MARKS_PX, RIGHT_PX, TOP_PX } from "./lanes.js";
import { makeScale } from "./scale.js";

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

export class Plot {
  constructor() {
    this.readout = h("output", { class: "readout" });
    this.place = h("div", { class: "plot" });
    this.element = h("figure", { class: "plots" }, this.place, this.readout);
    this.width_px = 0;
    /** @type {{lanes: Lane[], marks: Mark[], span: {since_s: number, until_s: number, step_s: number}} | null} */
    this.shown = null;
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
    this.shown = null;
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
    const svg = s(
      "svg",
      {
        width: this.width_px,
        height: height_px,
        viewBox: `0 0 ${this.width_px} ${height_px}`,
        role: "img",
        tabindex: 0,
        "aria-label": `${lanes.map(describe).join(". ")}. Arrow keys read values.`,
        onpointermove: (event) => this.#point(time, event.offsetX),
        onpointerleave: () => this.#leave(),
        onblur: () => this.#leave(),
        onkeydown: (event) => this.#press(event, time, span),
      },
      drawTimes(time, bottom_px, this.width_px),
      drawn,
      drawMarks(marks, time, bottom_px),
      this.cursor,
    );
    replace(this.place, svg);
    this.#leave();
  }

  #press(event, time, span) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at_s = (this.at_s ?? span.until_s) + step * span.step_s;
    this.#read(time, Math.max(span.since_s, Math.min(at_s, span.until_s)));
  }

  #point(time, x_px) {
    const share = (x_px - LEFT_PX) / (this.width_px - LEFT_PX - RIGHT_PX);
    this.#read(time, time.least + Math.max(0, Math.min(share, 1)) * (time.greatest - time.least));
  }

  #read(time, at_s) {
    if (!this.shown) return;
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
function valueAt(lane, at_s, step_s) {
  const near = lane.points.reduce(
    (best, point) => (Math.abs(point.t_s - at_s) < Math.abs(best.t_s - at_s) ? point : best),
    { t_s: Infinity, mean: 0 },
  );
  return Math.abs(near.t_s - at_s) > 2.5 * step_s
    ? "no report"
    : `${number(near.mean, lane.digits)} ${lane.unit}`.trim();
}

/** @param {Lane} lane */
function describe(lane) {
  const show = (value) => `${number(value, lane.digits)} ${lane.unit}`.trim();
  const [least, greatest] = [
    Math.min(...lane.points.map((point) => point.min)),
    Math.max(...lane.points.map((point) => point.max)),
  ];
  const last = lane.points[lane.points.length - 1];
  return `${lane.name} from ${show(least)} to ${show(greatest)}, last ${show(last.mean)}`;
}
