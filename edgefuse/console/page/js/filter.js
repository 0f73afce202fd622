// Which devices are shown and in what order; kept in the address, so that a view can be sent to somebody.

/** @typedef {import("./fleet.js").Entry} Entry */

/**
 * @typedef {object} Filter
 * @property {string} q Words, all of which must be found.
 * @property {string} state
 * @property {string} board Its kind, as profiles name them.
 * @property {string} release
 * @property {string} label `key=value`
 * @property {string} deployment
 * @property {string} sort Of a column; with a minus from the greatest down.
 */

export const NAMES = /** @type {const} */ (["q", "state", "board", "release", "label", "deployment", "sort"]);

/** @param {URLSearchParams} parameters @returns {Filter} */
export function readFilter(parameters) {
  return /** @type {any} */ (Object.fromEntries(NAMES.map((name) => [name, parameters.get(name) ?? ""])));
}

/** Give the fleet's address under a filter. @param {Partial<Filter>} filter */
export function fleetAddress(filter) {
  const set = NAMES.filter((name) => filter[name]).map((name) => [name, String(filter[name])]);
  return set.length ? `#/?${new URLSearchParams(set)}` : "#/";
}

/** @param {Filter} filter */
export const isFiltered = (filter) => NAMES.some((name) => name !== "sort" && filter[name]);

/** @param {Iterable<Entry>} entries @param {Filter} filter @returns {Entry[]} */
export function select(entries, filter) {
  const words = filter.q.toLowerCase().split(/\s+/).filter(Boolean);
  const [key, value] = split(filter.label);
  const found = [];
  for (const entry of entries) {
    const { row } = entry;
    if (filter.state && !entry.states.has(filter.state)) continue;
    if (filter.board && row.profile !== filter.board) continue;
    if (filter.release && row.release !== filter.release) continue;
    if (filter.deployment && row.deployment?.id !== filter.deployment) continue;
    if (key && row.labels[key] !== value) continue;
    if (words.every((word) => entry.text.includes(word))) found.push(entry);
  }
  return found;
}

/**
 * Order by a column; what has no value comes last either way, and equals stand by name.
 * @param {Entry[]} entries @param {string} sort @param {(sort: string) => (row: any) => any} keyOf
 */
export function order(entries, sort, keyOf) {
  const isDown = sort.startsWith("-");
  const key = keyOf(isDown ? sort.slice(1) : sort);
  const keyed = entries.map((entry) => ({ entry, key: key(entry.row) }));
  keyed.sort((a, b) => compare(a.key, b.key, isDown) || compare(a.entry.row.device, b.entry.row.device, false));
  return keyed.map(({ entry }) => entry);
}

function compare(a, b, isDown) {
  const isMissing = a === null || a === undefined;
  if (isMissing || b === null || b === undefined) return Number(isMissing) - Number(b === null || b === undefined);
  const sign = a < b ? -1 : Number(a > b);
  return isDown ? -sign : sign;
}

function split(label) {
  const at = label.indexOf("=");
  return at < 0 ? ["", ""] : [label.slice(0, at), label.slice(at + 1)];
}
