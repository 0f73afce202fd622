// Figures and times as people read them; a unit is always there.

export const NOTHING = "–";

const SPANS_S = [
  ["d", 86400],
  ["h", 3600],
  ["min", 60],
  ["s", 1],
];

/** @param {number | null | undefined} value @param {number} digits @param {string} unit */
export function figure(value, digits, unit) {
  return value === null || value === undefined ? NOTHING : `${number(value, digits)} ${unit}`;
}

/** @param {number} value @param {number} [digits] */
export function number(value, digits = 0) {
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** @param {number | null | undefined} value */
export const celsius = (value) => figure(value, 1, "°C");

/** @param {number} bytes */
export function megabytes(bytes) {
  return bytes < 1e5 ? `${number(bytes / 1e3, 1)} kB` : `${number(bytes / 1e6, 1)} MB`;
}

/**
 * Give a span of time by its two largest units: `2 h 14 min`.
 * @param {number} seconds
 */
export function span(seconds) {
  let rest = Math.max(0, Math.round(seconds));
  const parts = [];
  for (const [unit, length] of /** @type {[string, number][]} */ (SPANS_S)) {
    const count = Math.floor(rest / length);
    rest %= length;
    if (count || parts.length) parts.push(`${count} ${unit}`);
  }
  return (
    parts
      .slice(0, 2)
      .filter((part) => !part.startsWith("0 "))
      .join(" ") || "0 s"
  );
}

/**
 * Give how long ago something was, coarser the longer it is.
 * @param {number} seconds
 */
export function ago(seconds) {
  if (seconds < 3) return "now";
  const [unit, length] = SPANS_S.find(([, each]) => seconds >= Number(each)) ?? ["s", 1];
  return `${Math.floor(seconds / Number(length))} ${unit} ago`;
}

/**
 * Give wall time in this browser's zone: `2026-11-20 09:00:00`.
 * @param {number} unix_s
 */
export function moment(unix_s) {
  const date = new Date(unix_s * 1000);
  if (Number.isNaN(date.getTime())) return NOTHING;
  return new Date(date.getTime() - date.getTimezoneOffset() * 60000).toISOString().slice(0, 19).replace("T", " ");
}

/**
 * Give Unix seconds of an ISO 8601 time; nothing where it is none.
 * @param {string | null | undefined} text
 */
export function parseTime(text) {
  const time = Date.parse(text ?? "");
  return Number.isNaN(time) ? null : time / 1000;
}

/** @param {number} count @param {string} noun */
export const counted = (count, noun) => `${number(count)} ${noun}${count === 1 ? "" : "s"}`;
