// What only the device itself can tell: why it is as it is, its settings, its stages. It is asked by a signed command.

import { devicePath, get } from "./api.js";
import { h, replace } from "./dom.js";
import { celsius, moment, number, parseTime, span } from "./format.js";
import { makeCard, makeFacts, makeProblem, makeTable } from "./parts.js";

const ORIGINS = {
  pin: "an operator pinned it",
  site: "its site configuration",
  profile: "its profile",
  governor: "its governor",
  default: "nobody chose another",
};
const NEAR = 0.95; // a rate within 5 % of what was asked for is that rate

export class StatusCards {
  #isAsked = false;

  /** @param {string} device @param {(status: any) => void} onTold */
  constructor(device, onTold) {
    this.device = device;
    this.onTold = onTold;
    this.whyBody = h("div", {}, h("p", { class: "quiet" }, "Only a device that is online can tell."));
    this.refresh = h("button", { type: "button", onclick: () => this.load() }, "Ask again");
    this.why = h(
      "section",
      { class: "card", "aria-busy": "false" },
      h("div", { class: "card-head" }, h("h2", {}, "Why it is as it is"), this.refresh),
      this.whyBody,
    );
    this.element = h("div", { class: "column" });
  }

  loadOnce() {
    if (!this.#isAsked) this.load();
  }

  async load() {
    this.#isAsked = true;
    this.refresh.disabled = true;
    this.why.setAttribute("aria-busy", "true");
    if (!this.element.firstChild) replace(this.whyBody, h("p", { class: "quiet" }, "Asking the device …"));
    try {
      this.#show(await get(devicePath(this.device, "/status")));
    } catch (e) {
      replace(this.whyBody, makeProblem(e.message));
    } finally {
      this.refresh.disabled = false;
      this.why.setAttribute("aria-busy", "false");
    }
  }

  #show(status) {
    this.onTold(status);
    replace(this.whyBody, makeFacts(explain(status)));
    const hasStages = status.heartbeat && Object.keys(status.heartbeat.stages_ms).length > 0;
    replace(
      this.element,
      makeCard("Settings", drawSettings(status.settings)),
      hasStages && makeCard("Stages, median of a frame", drawStages(status.heartbeat.stages_ms)),
    );
  }
}

/** @returns {[string, any][]} */
function explain(status) {
  const { heat, service, heartbeat: beat } = status;
  const point = beat && status.ladder[beat.point];
  const zones = Object.keys(heat.temps_c).map((zone) => h("div", {}, describeZone(heat, zone)));
  return [
    ["Service", describeService(service)],
    [
      "Rate",
      beat
        ? `${number(beat.fps, 1)} of ${number(beat.fps_in, 1)} fps: ${explainRate(beat, point)}`
        : "no frames: no worker runs",
    ],
    [
      "Heat",
      zones.length
        ? [
            h(
              "div",
              {},
              `${heat.band}, ${heat.is_throttled ? "THROTTLED: the kernel slows the processor" : "not throttled"}`,
            ),
            zones,
          ]
        : "no sensor",
    ],
    [
      "Point",
      [
        h("div", {}, describeSetting(status.settings.point)),
        heat.point_reason && h("div", {}, `the governor: ${heat.point_reason}`),
        point && h("div", { class: "quiet" }, describePoint(point)),
      ],
    ],
    ["Effect", describeSetting(status.settings.effect)],
    ["Running", `edgefuse ${status.version}, release ${status.release}, up ${span(status.uptime_s)}`],
  ];
}

function describeService(service) {
  const reason = service.reason ? `: ${service.reason}` : "";
  const habit = service.is_flapping ? "; it ends again and again" : "";
  return `${service.state} for ${span(service.since_s)}${reason}${habit}`;
}

function describeZone(heat, zone) {
  const [temp_c, trip_c] = [heat.temps_c[zone], heat.trips_c[zone]];
  const stale = heat.stale.includes(zone) ? ", an old reading: the sensor is silent" : "";
  if (trip_c === undefined) return `${zone} ${celsius(temp_c)}${stale}`;
  const distance = `${number(Math.abs(trip_c - temp_c), 1)} °C ${temp_c <= trip_c ? "below" : "ABOVE"}`;
  return `${zone} ${celsius(temp_c)}, ${distance} its trip at ${trip_c} °C${stale}`;
}

function explainRate(beat, point) {
  if (beat.source === "paused") return "paused";
  if (beat.source === "waiting") return beat.missing || "the source is not there; it waits for it";
  const share = point ? beat.fps / point.rate_hz : 0;
  if (share >= NEAR && share <= 1 / NEAR) return `all that point ${beat.point} allows`;
  if (beat.fps >= NEAR * beat.fps_in && share < NEAR) return "all that the source gives";
  const slowest = Object.entries(beat.stages_ms).sort((a, b) => b[1] - a[1])[0]?.[0] ?? "a thread";
  return `bounded by ${slowest}: its thread takes ${number(beat.frame_ms)} ms a frame`;
}

function describePoint(point) {
  const every = point.detect_every === 1 ? "every frame" : `every ${point.detect_every} frames`;
  const sizes = `detect at ${point.detect_px} px ${every}, effect at ${point.effect_px} px`;
  return `it allows up to ${point.rate_hz} fps, ${sizes}`;
}

function describeSetting(setting) {
  if (!setting) return "unknown";
  const since_s = parseTime(setting.since);
  const at = since_s ? ` at ${moment(since_s)}` : "";
  return `${setting.value || "none"} (${ORIGINS[setting.origin] ?? setting.origin}${at})`;
}

function drawSettings(settings) {
  const lines = Object.entries(settings).map(([name, setting]) => [
    name,
    h("span", { class: "value" }, setting.value || "–"),
    ORIGINS[setting.origin] ?? setting.origin,
  ]);
  return makeTable("Settings and where each came from", ["Setting", "Value", "From"], lines);
}

function drawStages(stages_ms) {
  const stages = Object.entries(stages_ms).sort((a, b) => b[1] - a[1]);
  const most = Math.max(...stages.map(([, ms]) => ms), 0.001);
  return h(
    "ul",
    { class: "bars" },
    stages.map(([stage, ms]) =>
      h(
        "li",
        {},
        h("span", {}, stage),
        h("meter", { min: 0, max: most, value: ms, "aria-hidden": "true" }),
        h("span", { class: "figure" }, `${number(ms, 1)} ms`),
      ),
    ),
  );
}
