// Drawing the lanes of a plot: axes, lines, zones of one tone, limits and marks.

import { s } from "./dom.js";
import { moment } from "./format.js";
import { makeScale, roundMarks, timeMarks } from "./scale.js";

/**
 * @typedef {import("./plot.js").Lane} Lane
 * @typedef {import("./plot.js").Point} Point
 * @typedef {import("./plot.js").Mark} Mark
 */

export const LEFT_PX = 46;
export const RIGHT_PX = 12;
export const TOP_PX = 22;
export const GAP_PX = 34;
export const MARKS_PX = 14;
export const FOOT_PX = 22;

/** @param {Lane} lane */
export function drawLane(lane, time, top_px, step_s) {
  const value = makeScale(lane.least, lane.greatest, top_px + lane.height_px, top_px);
  const marks = lane.isStepped
    ? roundMarks(lane.least, lane.greatest, 3).filter(Number.isInteger)
    : roundMarks(lane.least, lane.greatest, 4);
  const [left_px, right_px] = [time.place(time.least), time.place(time.greatest)];
  const rule = (each) =>
    s("line", { class: "rule", x1: left_px, x2: right_px, y1: value.place(each), y2: value.place(each) });
  const text = (each) =>
    s("text", { class: "tick end", x: left_px - 6, y: value.place(each) + 4 }, String(+each.toFixed(6)));
  const title = s(
    "text",
    { class: "lane", x: left_px, y: top_px - 9 },
    lane.unit ? `${lane.name}, ${lane.unit}` : lane.name,
  );
  const zones = (lane.zones ?? []).map((zone) => drawZone(zone, value, left_px, right_px));
  const runs = split(lane.points, step_s);
  const spread = lane.isStepped
    ? []
    : runs.map((run) => s("path", { class: "spread", d: spreadPath(run, time, value) }));
  const lines = runs.map((run) =>
    s("path", { class: "line", d: linePath(run, time, value, lane.isStepped ? step_s : 0) }),
  );
  return s(
    "g",
    {},
    zones,
    marks.map(rule),
    drawLimit(lane.limit, value, left_px, right_px),
    spread,
    lines,
    marks.map(text),
    title,
  );
}

function drawZone(zone, value, left_px, right_px) {
  const [from, to] = [Math.max(zone.from, value.least), Math.min(zone.to, value.greatest)];
  if (from >= to) return null;
  const y = value.place(to);
  return s("rect", {
    class: `zone is-${zone.tone}`,
    x: left_px,
    width: right_px - left_px,
    y,
    height: value.place(from) - y,
  });
}

function drawLimit(limit, value, left_px, right_px) {
  if (!limit || limit.value > value.greatest || limit.value < value.least) return null;
  const y = value.place(limit.value);
  return [
    s("line", { class: "limit", x1: left_px, x2: right_px, y1: y, y2: y }),
    s("text", { class: "tick end limit-name", x: right_px - 4, y: y - 4 }, limit.text),
  ];
}

export function drawTimes(time, bottom_px, width_px) {
  const count = Math.max(2, Math.min(8, Math.floor(width_px / 90)));
  return timeMarks(time.least, time.greatest, count).map(({ t_s, text }) => [
    s("line", { class: "rule", x1: time.place(t_s), x2: time.place(t_s), y1: TOP_PX, y2: bottom_px }),
    s("text", { class: "tick middle", x: time.place(t_s), y: bottom_px + MARKS_PX + FOOT_PX - 6 }, text),
  ]);
}

/** Show what happened as marks under the plots. @param {Mark[]} marks */
export function drawMarks(marks, time, bottom_px) {
  return marks
    .filter((mark) => mark.t_s >= time.least && mark.t_s <= time.greatest)
    .map((mark) => {
      const x = time.place(mark.t_s);
      const y = bottom_px + 5;
      return s(
        "path",
        { class: `mark is-${mark.tone}`, d: `M${x} ${y}l5 9h-10z` },
        s("title", {}, `${moment(mark.t_s)} ${mark.text}`),
      );
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
  const end =
    step_s || run.length === 1 ? `h${(time.place(last.t_s + (step_s || 10)) - time.place(last.t_s)).toFixed(1)}` : "";
  return steps.join("") + end;
}

function spreadPath(run, time, value) {
  const there = run.map(({ t_s, max }) => `${time.place(t_s).toFixed(1)} ${value.place(max).toFixed(1)}`);
  const back = run.map(({ t_s, min }) => `${time.place(t_s).toFixed(1)} ${value.place(min).toFixed(1)}`).reverse();
  return `M${[...there, ...back].join("L")}Z`;
}
