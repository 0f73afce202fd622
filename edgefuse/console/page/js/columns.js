// The columns of the fleet's table: what stands in each, how it is told apart, and by what it is ordered.

import { now } from "./clock.js";
import { ago, celsius, moment, NOTHING, number } from "./format.js";
import { showProgress, toneOfBand, toneOfDeployment, toneOfPresence } from "./states.js";

/** @typedef {import("./fleet.js").Row} Row */

/**
 * @typedef {object} Column
 * @property {string} id
 * @property {string} name
 * @property {(row: Row) => string} text
 * @property {(row: Row) => string | number | null | undefined} key
 * @property {(row: Row) => string} [tone] One of the tones of `parts.css`.
 * @property {(row: Row) => string} [title]
 * @property {boolean} [isFigure] Stands right.
 */

/** @type {Column[]} */
export const COLUMNS = [
  { id: "device", name: "Device", text: (row) => row.device, key: (row) => row.device },
  {
    id: "presence",
    name: "State",
    text: showPresence,
    key: (row) => row.presence,
    tone: (row) => toneOfPresence(row.presence),
    title: (row) => (row.since_s ? `since ${moment(row.since_s)}` : ""),
  },
  {
    id: "temp",
    name: "Temp.",
    text: (row) => (isBlind(row) ? "no sensor" : celsius(row.temp_c)),
    key: (row) => row.temp_c,
    tone: (row) => toneOfBand(row.temp_c === null ? null : row.band),
    title: (row) => [row.band, row.is_throttled ? "throttled" : ""].filter(Boolean).join(", "),
    isFigure: true,
  },
  {
    id: "heat",
    name: "Heat",
    text: (row) => (row.is_throttled ? "throttled" : (row.band ?? NOTHING)),
    key: (row) => heatRank(row),
    tone: (row) => (row.is_throttled ? "bad" : toneOfBand(row.band)),
  },
  {
    id: "fps",
    name: "Rate",
    text: (row) => (row.fps === null ? NOTHING : `${number(row.fps, 1)} fps`),
    key: (row) => row.fps,
    title: (row) => (row.fps_in === null ? "" : `out of ${number(row.fps_in, 1)} fps that come in`),
    isFigure: true,
  },
  { id: "point", name: "Point", text: (row) => String(row.point ?? NOTHING), key: (row) => row.point, isFigure: true },
  { id: "effect", name: "Effect", text: (row) => row.effect ?? NOTHING, key: (row) => row.effect },
  { id: "release", name: "Release", text: (row) => row.release ?? NOTHING, key: (row) => row.release },
  {
    id: "update",
    name: "Update",
    text: (row) => (row.deployment ? showProgress(row.deployment) : NOTHING),
    key: (row) => row.deployment?.state,
    tone: (row) => (row.deployment ? toneOfDeployment(row.deployment) : "dim"),
    title: (row) => (row.deployment ? `release ${row.deployment.release} ${row.deployment.reason}` : ""),
  },
  {
    id: "board",
    name: "Board",
    text: (row) => row.profile ?? NOTHING,
    key: (row) => row.profile,
    title: (row) => row.board ?? "",
  },
  { id: "labels", name: "Labels", text: showLabels, key: (row) => showLabels(row) || null, title: showLabels },
  {
    id: "report",
    name: "Report",
    text: (row) => (row.reported_s === null ? NOTHING : ago(now() - row.reported_s)),
    key: (row) => row.reported_s,
    title: (row) => (row.reported_s === null ? "" : `newest report at ${moment(row.reported_s)}`),
    isFigure: true,
  },
];

/** Give by what a column orders. @param {string} id @returns {(row: Row) => string | number | null | undefined} */
export function keyOf(id) {
  return (COLUMNS.find((column) => column.id === id) ?? COLUMNS[0]).key;
}

/** Tell since when a device is not there. @param {Row} row */
function showPresence({ presence, since_s }) {
  return presence === "online" || since_s === null
    ? presence
    : `${presence} ${ago(now() - since_s).replace(" ago", "")}`;
}

/** @param {Row} row */
function showLabels(row) {
  return Object.entries(row.labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(" ");
}

/** @param {Row} row */
const isBlind = (row) => row.band !== null && row.temp_c === null;

/** @param {Row} row */
function heatRank(row) {
  const rank = ["cool", "warm", "hot", "critical"].indexOf(row.band ?? "");
  return rank < 0 ? null : rank + (row.is_throttled ? 4 : 0);
}
