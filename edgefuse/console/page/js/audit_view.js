// Who did what through this site.

import { get } from "./api.js";
import { since } from "./clock.js";
import { h, replace } from "./dom.js";
import { counted, parseTime } from "./format.js";
import { makeProblem, makeTable } from "./parts.js";

const SHOWN = 3;

/** @typedef {import("./router.js").View} View */

/** @implements {View} */
export class AuditView {
  title = "Audit";

  constructor() {
    this.list = h("div", {}, h("p", { class: "quiet" }, "Loading …"));
    const again = h("button", { type: "button", onclick: () => this.load() }, "Read again");
    this.element = h(
      "div",
      {},
      h("div", { class: "page-head" }, h("h1", {}, "Audit"), again),
      h("section", { class: "card" }, this.list),
    );
    this.load();
  }

  setParameters() {}

  close() {}

  async load() {
    try {
      const { records } = await get("/api/audit/last?limit=200");
      const lines = records.map((record) => [
        since(parseTime(record.t)),
        `${record.who} (${record.via})`,
        record.what,
        drawDevices(record.devices),
        record.detail,
        record.outcome,
      ]);
      replace(
        this.list,
        lines.length
          ? makeTable("Who did what", ["When", "Who", "What", "Devices", "Detail", "Outcome"], lines)
          : h("p", { class: "quiet" }, "Nobody has done anything yet."),
      );
    } catch (e) {
      replace(
        this.list,
        makeProblem(e.message, () => this.load()),
      );
    }
  }
}

/** @param {string[]} devices */
function drawDevices(devices) {
  if (devices.length > SHOWN) return h("span", { title: devices.join(" ") }, counted(devices.length, "device"));
  return devices.map((device, i) => [
    i > 0 && ", ",
    h("a", { href: `#/devices/${encodeURIComponent(device)}` }, device),
  ]);
}
