// The page of one device.

import { devicePath, get } from "./api.js";
import { since } from "./clock.js";
import { CommandsCard } from "./commands_card.js";
import { drawDeployment } from "./deployment_card.js";
import { h, replace } from "./dom.js";
import { drawEvents } from "./events_view.js";
import { fleetAddress } from "./filter.js";
import { celsius, figure, NOTHING, number } from "./format.js";
import { History } from "./history.js";
import { drawMachine } from "./machine_card.js";
import { makeCard, makeChip, makeProblem } from "./parts.js";
import { PictureCard } from "./picture_card.js";
import { isSlow, toneOfBand, toneOfPresence } from "./states.js";
import { StatusCards } from "./status_cards.js";

const REFRESH_MS = 5000;

/** @typedef {import("./fleet.js").Row} Row */

/** @typedef {import("./router.js").View} View */

/** @implements {View} */
export class DeviceView {
  /** @param {import("./fleet.js").Fleet} fleet @param {string} device */
  constructor(fleet, device) {
    this.title = this.device = device;
    this.fleet = fleet;
    this.abort = new AbortController();
    this.head = h("div", { class: "device-head" });
    this.problem = h("div");
    this.tiles = h("dl", { class: "tiles" });
    this.history = new History(device);
    this.status = new StatusCards(device, (told) => this.#learn(told));
    this.commands = new CommandsCard(device, () => this.#hearReply());
    this.picture = new PictureCard(device);
    this.deployment = h("div");
    this.machine = h("div");
    this.events = h("div");
    const main = h(
      "div",
      { class: "column" },
      this.history.element,
      this.status.why,
      this.deployment,
      makeCard("Events", this.events),
    );
    const side = h(
      "div",
      { class: "column" },
      this.picture.element,
      this.commands.element,
      this.status.element,
      this.machine,
    );
    this.element = h(
      "div",
      { class: "device" },
      this.head,
      this.problem,
      this.tiles,
      h("div", { class: "columns" }, main, side),
    );
    fleet.addEventListener("change", (event) => this.#take(/** @type {CustomEvent} */ (event).detail), {
      signal: this.abort.signal,
    });
    this.timer = setInterval(() => this.#load(), REFRESH_MS);
    this.#showRow();
    this.#load();
    this.history.load();
    this.commands.load();
  }

  setParameters() {}

  close() {
    clearInterval(this.timer);
    this.abort.abort();
    for (const part of [this.history, this.picture]) part.close();
  }

  #take(news) {
    if (news.is_all || news.rows.some((row) => row.device === this.device) || news.gone.includes(this.device))
      this.#showRow();
  }

  async #load() {
    try {
      const [detail, { events }] = await Promise.all([
        get(devicePath(this.device), this.abort.signal),
        get(`/api/events/last?${new URLSearchParams({ device: this.device, limit: "100" })}`, this.abort.signal),
      ]);
      replace(this.problem);
      this.#show(detail, events);
    } catch (e) {
      if (!this.abort.signal.aborted)
        replace(
          this.problem,
          makeProblem(e.message, () => this.#load()),
        );
    }
  }

  #show(detail, events) {
    drawDeployment(this.deployment, detail.deployment);
    drawMachine(this.machine, detail);
    drawEvents(this.events, events, false);
    this.history.setEvents(events);
    this.picture.setHere(detail.is_here);
    if (detail.row.presence === "online") this.status.loadOnce();
  }

  #learn(status) {
    const { temps_c: temps, trips_c: trips } = status.heat;
    const hottest = Object.keys(temps).sort((a, b) => temps[b] - temps[a])[0];
    this.history.setTrip(trips[hottest] ?? null);
    this.commands.setPoints(status.ladder);
  }

  #hearReply() {
    this.status.load();
    this.#load();
  }

  #showRow() {
    const row = this.fleet.entries.get(this.device)?.row;
    if (!row) {
      replace(this.head, back(), h("h1", {}, this.device));
      return;
    }
    replace(
      this.head,
      back(),
      h("h1", {}, row.device),
      makeChip(row.presence, toneOfPresence(row.presence)),
      row.temp_c !== null && row.band && makeChip(row.band, toneOfBand(row.band)),
      row.is_throttled && makeChip("throttled", "bad"),
      isSlow(row) && makeChip("slow", "warn"),
      Object.entries(row.labels).map(([key, value]) =>
        h("a", { class: "label", href: fleetAddress({ label: `${key}=${value}` }) }, `${key}=${value}`),
      ),
      h(
        "p",
        { class: "quiet" },
        row.board ?? row.profile ?? "unknown board",
        " · ",
        row.presence,
        " since ",
        since(row.since_s),
        " · newest report ",
        since(row.reported_s),
      ),
    );
    replace(this.tiles, makeTiles(row));
  }
}

const back = () => h("a", { class: "back", href: "#/" }, "← Fleet");

/** @param {Row} row */
function makeTiles(row) {
  const tile = (name, value, note) => h("div", {}, h("dt", {}, name), h("dd", {}, value, note && h("small", {}, note)));
  return [
    tile(
      "Temperature",
      row.band && row.temp_c === null ? "no sensor" : celsius(row.temp_c),
      row.temp_c !== null && row.band,
    ),
    tile("Rate", figure(row.fps, 1, "fps"), row.fps_in !== null && `of ${number(row.fps_in, 1)} fps in`),
    tile("Latency", figure(row.latency_p95_ms, 0, "ms"), row.latency_p95_ms !== null && "95th percentile"),
    tile("Point", row.point ?? NOTHING, row.point === 0 && "the best"),
    tile("Effect", row.effect ?? NOTHING, row.faces !== null && `${number(row.faces, 1)} faces a frame`),
    tile("Release", row.release ?? NOTHING, row.version && `edgefuse ${row.version}`),
    tile("Power", figure(row.power_w, 1, "W"), row.power_w === null && "no sensor"),
    tile("Memory", figure(row.mem_mb, 0, "MB"), row.service),
  ];
}
