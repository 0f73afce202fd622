// Releases that can be pushed, and deployments with how they stand.

import { get, isOperator, send } from "./api.js";
import { drawGroup, groupDeployments } from "./deployments_list.js";
import { openDialog } from "./dialog.js";
import { h, isNews, replace } from "./dom.js";
import { fleetAddress } from "./filter.js";
import { counted } from "./format.js";
import { makeCard, makeProblem, makeTable } from "./parts.js";
import { openPush } from "./push_dialog.js";

const SHOWN = 20;

/** @typedef {import("./router.js").View} View */

/** @implements {View} */
export class ReleasesView {
  title = "Releases";
  /** @type {any} */
  #offered = null;

  /** @param {import("./fleet.js").Fleet} fleet */
  constructor(fleet) {
    this.fleet = fleet;
    this.abort = new AbortController();
    this.releases = h("div", {}, h("p", { class: "quiet" }, "Loading …"));
    this.deployments = h("div", {});
    this.element = h(
      "div",
      {},
      h("div", { class: "page-head" }, h("h1", {}, "Releases and deployments")),
      makeCard("Releases", this.releases),
      makeCard("Deployments", this.deployments),
    );
    fleet.addEventListener("change", () => this.#draw(), { signal: this.abort.signal });
    this.#load();
    this.#draw();
  }

  setParameters() {}

  close() {
    this.abort.abort();
  }

  async #load() {
    try {
      this.#offered = await get("/api/releases");
      this.#draw();
    } catch (e) {
      replace(
        this.releases,
        makeProblem(e.message, () => this.#load()),
      );
    }
  }

  #draw() {
    this.#drawDeployments();
    if (this.#offered) this.#drawReleases(this.#offered);
  }

  #drawReleases({ releases, reason }) {
    const running = new Map();
    for (const { row } of this.fleet.entries.values())
      if (row.release) running.set(row.release, (running.get(row.release) ?? 0) + 1);
    const ids = releases.map((release) => release.id);
    const others = [...running.keys()].filter((id) => !ids.includes(id)).sort();
    if (!isNews(this.releases, [releases, reason, [...running]])) return;
    const line = (id, counter, canPush) => [
      h("b", {}, id),
      counter,
      running.has(id) ? h("a", { href: fleetAddress({ release: id }) }, counted(running.get(id), "device")) : "none",
      canPush && isOperator()
        ? h("button", { type: "button", onclick: () => openPush(this.fleet, ids, id) }, "Push …")
        : "",
    ];
    const lines = [
      ...releases.map((release) => line(release.id, release.counter, true)),
      ...others.map((id) => line(id, "–", false)),
    ];
    replace(
      this.releases,
      reason && h("p", { class: "quiet sentence" }, reason),
      lines.length > 0 && makeTable("Releases", ["Release", "Counter", "Runs on", ""], lines),
    );
  }

  #drawDeployments() {
    const groups = groupDeployments(this.fleet.entries.values());
    if (!isNews(this.deployments, groups.slice(0, SHOWN))) return;
    if (!groups.length)
      return replace(
        this.deployments,
        h(
          "p",
          { class: "quiet" },
          "No device was ever updated from here. Push a release, or: edgefuse fleet update door-3 RELEASE",
        ),
      );
    replace(
      this.deployments,
      h(
        "ul",
        { class: "deployments" },
        groups.slice(0, SHOWN).map((group) => drawGroup(group, (each) => this.#makeActions(each))),
      ),
    );
  }

  #makeActions(group) {
    if (!isOperator()) return null;
    const devices = group.members.filter(({ progress }) => !progress.is_over).map(({ device }) => device);
    return h(
      "button",
      {
        type: "button",
        onclick: () =>
          openDialog({
            title: `Take ${group.release} back`,
            body: h(
              "p",
              {},
              `The wish for ${group.release} is taken back from ${counted(devices.length, "device")}. `,
              "What they have begun they go on with; the command cancel-update ends it.",
            ),
            verb: "Take back",
            isGrave: true,
            perform: async () => {
              await send("DELETE", "/api/deployments", { devices });
              return h("p", {}, "The wish is taken back.");
            },
          }),
      },
      "Take back …",
    );
  }
}
