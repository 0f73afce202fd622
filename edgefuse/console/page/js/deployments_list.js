// Deployments of all devices, newest first, counted by how they stand.

import { since } from "./clock.js";
import { h } from "./dom.js";
import { fleetAddress } from "./filter.js";
import { counted, number, parseTime } from "./format.js";
import { makeBar, makeChip } from "./parts.js";
import { hasFailed, toneOfDeployment } from "./states.js";

/** @typedef {import("./fleet.js").Entry} Entry @typedef {import("./fleet.js").Progress} Progress */

const REASONS = 3;

/**
 * @typedef {{device: string, progress: Progress}} Member
 * @typedef {{id: string, release: string, newest_s: number | null, members: Member[]}} Group
 */

/** @param {Iterable<Entry>} entries @returns {Group[]} */
export function groupDeployments(entries) {
  /** @type {Map<string, Group>} */
  const groups = new Map();
  for (const { row } of entries) {
    const progress = row.deployment;
    if (!progress) continue;
    const group = groups.get(progress.id) ?? {
      id: progress.id,
      release: progress.release,
      newest_s: null,
      members: [],
    };
    groups.set(progress.id, group);
    group.members.push({ device: row.device, progress });
    group.newest_s = Math.max(group.newest_s ?? 0, parseTime(progress.t) ?? 0) || null;
  }
  return [...groups.values()].sort((a, b) => (b.newest_s ?? 0) - (a.newest_s ?? 0));
}

/** @param {Group} group @param {(group: Group) => any} makeActions */
export function drawGroup(group, makeActions) {
  const { members } = group;
  const over = members.filter(({ progress }) => progress.is_over).length;
  const failed = members.filter(({ progress }) => hasFailed(progress));
  return h(
    "li",
    { class: "deployment" },
    h(
      "p",
      { class: "headline" },
      "Release ",
      h("b", {}, group.release),
      " ",
      h("a", { href: fleetAddress({ deployment: group.id }) }, counted(members.length, "device")),
      h("span", { class: "quiet" }, " ", group.id, " · ", since(group.newest_s)),
      over < members.length && makeActions(group),
    ),
    h(
      "p",
      {},
      over < members.length && makeBar(shareDone(members), `${over} of ${members.length} ended`),
      " ",
      countStates(members).map(([state, tone, n]) => makeChip(`${number(n)} ${state}`, tone)),
    ),
    failed.length > 0 &&
      h(
        "ul",
        { class: "reasons" },
        failed
          .slice(0, REASONS)
          .map(({ device, progress }) =>
            h(
              "li",
              {},
              h("a", { href: `#/devices/${encodeURIComponent(device)}` }, device),
              `: ${progress.reason || progress.state}`,
            ),
          ),
        failed.length > REASONS && h("li", { class: "quiet" }, `and ${failed.length - REASONS} more`),
      ),
  );
}

/** Give how much is done: ended devices, and of the others the bytes of their step. */
function shareDone(members) {
  const share = ({ progress }) =>
    progress.is_over ? 1 : progress.total_bytes ? (0.9 * progress.done_bytes) / progress.total_bytes : 0;
  return members.reduce((sum, member) => sum + share(member), 0) / members.length;
}

/** @returns {[string, string, number][]} */
function countStates(members) {
  /** @type {Map<string, [string, string, number]>} */
  const counts = new Map();
  for (const { progress } of members) {
    const [state, tone, n] = counts.get(progress.state) ?? [progress.state, toneOfDeployment(progress), 0];
    counts.set(progress.state, [state, tone, n + 1]);
  }
  return [...counts.values()];
}
