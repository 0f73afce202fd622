// What a row amounts to: the states that devices are counted, coloured and filtered by.

/** @typedef {import("./fleet.js").Row} Row */

const SLOW = 0.8; // as edgefuse/console/rows.py
const EXPECTED_ENDS = ["COMMITTED", "CANCELLED"];

/** All states with their names, in the order of a menu. @type {[string, string][]} */
export const STATES = [
  ["online", "online"],
  ["offline", "offline"],
  ["silent", "silent"],
  ["unseen", "never seen"],
  ["revoked", "revoked"],
  ["hot", "hot or critical"],
  ["throttled", "throttled"],
  ["slow", "slow: under 4/5 of the frames"],
  ["stopped", "pipeline not running"],
  ["updating", "update under way"],
  ["failed", "last update failed"],
];

/** @param {Row} row @returns {import("./fleet.js").Entry} */
export function describe(row) {
  const labels = Object.entries(row.labels).map(([key, value]) => `${key}=${value}`);
  const texts = [row.device, row.board, row.profile, row.release, row.effect, row.service, row.version, ...labels];
  return { row, states: new Set(find(row)), text: texts.filter(Boolean).join(" ").toLowerCase() };
}

/** @param {Row} row */
function* find(row) {
  yield row.presence;
  if (row.band === "hot" || row.band === "critical") yield "hot";
  if (row.is_throttled) yield "throttled";
  if (isSlow(row)) yield "slow";
  if (isThere(row) && row.service && row.service !== "RUNNING") yield "stopped";
  if (row.deployment && !row.deployment.is_over) yield "updating";
  if (row.deployment && hasFailed(row.deployment)) yield "failed";
}

/** @param {Row} row */
export const isThere = (row) => row.presence === "online" || row.presence === "silent";

/** @param {Row} row */
export const isSlow = (row) =>
  typeof row.fps === "number" && typeof row.fps_in === "number" && row.fps < SLOW * row.fps_in;

/** @param {{is_over: boolean, state: string}} deployment */
export const hasFailed = (deployment) => deployment.is_over && !EXPECTED_ENDS.includes(deployment.state);

/** Give the tone that a state is shown in. @param {{is_over: boolean, state: string}} deployment */
export function toneOfDeployment(deployment) {
  if (!deployment.is_over) return "busy";
  if (hasFailed(deployment)) return "bad";
  return deployment.state === "COMMITTED" ? "good" : "dim";
}

const TONES = { online: "good", silent: "warn", offline: "bad", unseen: "dim", revoked: "dim" };

/** @param {string} presence */
export const toneOfPresence = (presence) => TONES[presence] ?? "dim";

const BAND_TONES = { cool: "good", warm: "mild", hot: "warn", critical: "bad" };

/** @param {string | null} band */
export const toneOfBand = (band) => BAND_TONES[band ?? ""] ?? "dim";

/**
 * Tell how far it is, with the share of the bytes where they are counted.
 * @param {import("./fleet.js").Progress} deployment
 */
export function showProgress(deployment) {
  const { state, is_over, done_bytes, total_bytes } = deployment;
  return is_over || !total_bytes ? state : `${state} ${Math.floor((100 * done_bytes) / total_bytes)} %`;
}
