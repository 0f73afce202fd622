// Axes of plots: from values to places, and round steps between marks.

import { moment } from "./format.js";

const TIME_STEPS_S = [60, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];

/**
 * @typedef {object} Scale
 * @property {number} least
 * @property {number} greatest
 * @property {(value: number) => number} place
 */

/** @param {number} least @param {number} greatest @param {number} from_px @param {number} to_px @returns {Scale} */
export function makeScale(least, greatest, from_px, to_px) {
  const per_unit = (to_px - from_px) / (greatest - least || 1);
  return { least, greatest, place: (value) => from_px + (value - least) * per_unit };
}

/**
 * Give round values between two, about as many as wished.
 * @param {number} least @param {number} greatest @param {number} count
 */
export function roundMarks(least, greatest, count) {
  const rough = (greatest - least || 1) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= 0.7 * rough) ?? rough;
  const marks = [];
  for (let i = Math.ceil(least / step); i * step <= greatest + step / 1000; i++) marks.push(i * step);
  return marks;
}

/** Give round times in this browser's zone. @param {number} since_s @param {number} until_s @param {number} count */
export function timeMarks(since_s, until_s, count) {
  const rough_s = (until_s - since_s) / count;
  const step_s = TIME_STEPS_S.find((each) => each >= rough_s) ?? 86400;
  const zone_s = new Date(until_s * 1000).getTimezoneOffset() * 60;
  const marks = [];
  for (let t_s = Math.ceil((since_s - zone_s) / step_s) * step_s + zone_s; t_s <= until_s; t_s += step_s)
    marks.push(t_s);
  return marks.map((t_s) => ({ t_s, text: step_s >= 86400 ? moment(t_s).slice(5, 10) : moment(t_s).slice(11, 16) }));
}
