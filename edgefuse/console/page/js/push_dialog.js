// Pushing a release: to one device or to all with a label, with a look at whom it meets before it is done.

import { send } from "./api.js";
import { openDialog } from "./dialog.js";
import { h, replace, say } from "./dom.js";
import { counted, number } from "./format.js";
import { isThere } from "./states.js";

const SHOWN = 8;
const ABOUT = "Each device fetches it, checks it, tries it beside what runs, and goes back by itself if it is worse.";

/** @typedef {import("./fleet.js").Row} Row */

/**
 * Ask whom to push to, and do so.
 * @param {import("./fleet.js").Fleet} fleet
 * @param {string[]} releases Ids, the newest first.
 * @param {string} release The one to begin with.
 */
export function openPush(fleet, releases, release) {
  const rows = [...fleet.entries.values()].map((entry) => entry.row).filter((row) => row.presence !== "revoked");
  const target = new Target(rows);
  const which = h(
    "select",
    { id: "push-release" },
    releases.map((id) => h("option", { value: id }, id)),
  );
  which.value = release;
  const choice = h("p", {}, h("label", { for: "push-release" }, "release"), which);
  openDialog({
    title: "Push a release",
    body: h("div", { class: "fields" }, choice, target.element, h("p", { class: "quiet" }, ABOUT)),
    verb: "Push",
    isGrave: true,
    perform: () => push(which.value, target),
  });
}

/** @param {string} release @param {Target} target */
async function push(release, target) {
  const chosen = target.choose();
  if (!chosen.length) throw new Error("cannot push: no device is meant");
  const { deployment } = await send("POST", "/api/deployments", { ...target.name(), release });
  say(`pushed ${release} to ${counted(chosen.length, "device")}`);
  return h("p", {}, `Pushed as deployment ${deployment}. Its progress is on this page.`);
}

/** Fields that name devices, and a word on whom they meet. */
class Target {
  /** @param {Row[]} rows Of devices that may be meant. */
  constructor(rows) {
    this.rows = rows;
    const labels = rows.flatMap((row) => Object.entries(row.labels).map(([key, value]) => `${key}=${value}`));
    const told = { onchange: () => this.tell() };
    this.one = h("input", { type: "radio", name: "whom", id: "whom-one", checked: true, ...told });
    this.many = h("input", { type: "radio", name: "whom", id: "whom-many", disabled: !labels.length, ...told });
    this.device = h("input", {
      id: "push-device",
      list: "push-devices",
      autocomplete: "off",
      spellcheck: "false",
      "aria-label": "Device",
      oninput: () => this.tell(),
    });
    this.label = h(
      "select",
      { id: "push-label", "aria-label": "Label", ...told },
      [...new Set(labels)].sort().map((text) => h("option", {}, text)),
    );
    this.met = h("div", { class: "met", role: "status" });
    this.element = h("div", { class: "fields" }, this.#draw(), this.met);
    this.tell();
  }

  /** Give the devices that are meant now. */
  choose() {
    if (this.one.checked) return this.rows.filter((row) => row.device === this.device.value.trim());
    const [key, ...value] = this.label.value.split("=");
    return this.rows.filter((row) => row.labels[key] === value.join("="));
  }

  /** Name them as the API does: by a label, those that get it meanwhile are meant, too. */
  name() {
    return this.one.checked ? { devices: [this.device.value.trim()] } : { labels: this.label.value };
  }

  tell() {
    this.device.disabled = !this.one.checked;
    this.label.disabled = this.one.checked;
    const chosen = this.choose();
    if (chosen.length) return replace(this.met, describe(chosen));
    const isEmpty = this.one.checked && !this.device.value;
    replace(this.met, h("p", { class: "quiet" }, isEmpty ? "Name a device." : "This meets no device."));
  }

  #draw() {
    const names = h(
      "datalist",
      { id: "push-devices" },
      this.rows.map((row) => h("option", { value: row.device })),
    );
    return h(
      "fieldset",
      {},
      h("legend", {}, "to"),
      h("p", { class: "choice" }, h("label", { for: "whom-one" }, this.one, " one device"), this.device, names),
      h("p", { class: "choice" }, h("label", { for: "whom-many" }, this.many, " all with label"), this.label),
    );
  }
}

/** @param {Row[]} chosen */
function describe(chosen) {
  const there = chosen.filter(isThere).length;
  const names = chosen.slice(0, SHOWN).map((row) => row.device);
  const rest = chosen.length - names.length;
  return [
    h(
      "p",
      {},
      h("b", {}, `This meets ${counted(chosen.length, "device")}`),
      `, ${number(there)} of them connected now.`,
    ),
    h("p", { class: "quiet" }, names.join(", "), rest > 0 && ` and ${number(rest)} more`),
  ];
}
