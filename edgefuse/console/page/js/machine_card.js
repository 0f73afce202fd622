// What a device is and what it decided to run, with every rejection.

import { h, isNews, replace } from "./dom.js";
import { celsius, figure } from "./format.js";
import { makeCard, makeFacts } from "./parts.js";

/** @param {Element} place @param {any} detail */
export function drawMachine(place, detail) {
  const { inventory, system, pipeline } = detail;
  if (!isNews(place, [inventory, system, pipeline])) return;
  const opened = new Set([...place.querySelectorAll("details[open]")].map((each) => each.getAttribute("data-name")));
  replace(
    place,
    (system || pipeline) && makeCard("Newest report", makeFacts([...ofSystem(system), ...ofPipeline(pipeline)])),
    inventory && drawPlan(inventory),
    inventory && drawHost(inventory),
  );
  for (const each of place.querySelectorAll("details")) each.open = opened.has(each.getAttribute("data-name"));
}

/** @returns {[string, any][]} */
function ofSystem(system) {
  if (!system) return [];
  const zones = Object.entries(system.temp_c).map(
    ([zone, temp_c]) => /** @type {[string, string]} */ ([zone, celsius(Number(temp_c))]),
  );
  return [
    ...(zones.length ? zones : [/** @type {[string, string]} */ (["Zones", "no sensor"])]),
    ["Power", figure(system.power_w, 1, "W")],
    ["Free on the disk", figure(system.disk_free_mb, 0, "MB")],
  ];
}

/** @returns {[string, any][]} */
function ofPipeline(pipeline) {
  if (!pipeline) return [["Pipeline", "none runs"]];
  const { latency_ms: latency } = pipeline;
  return [
    ["Frames", `${pipeline.width_px} × ${pipeline.height_px} px`],
    ["Latency, median", figure(latency.p50, 1, "ms")],
    ["95th percentile", figure(latency.p95, 1, "ms")],
    ["99th percentile", figure(latency.p99, 1, "ms")],
    ["Dropped frames", pipeline.dropped],
  ];
}

function drawPlan(inventory) {
  const passedOver = new Map(Object.entries(inventory.passed_over));
  const choices = Object.entries(inventory.choices).map(([task, choice]) => [
    h("dt", {}, `${task} px`),
    h(
      "dd",
      {},
      choice,
      (passedOver.get(task) ?? []).map((better) => h("p", { class: "quiet" }, `not ${better}`)),
    ),
  ]);
  const rejected = Object.entries(inventory.rejections);
  const count = rejected.reduce((sum, [, reasons]) => sum + reasons.length, 0);
  return makeCard(
    "Plan",
    h("dl", { class: "plan" }, choices),
    count > 0 &&
      h(
        "details",
        { "data-name": "rejections" },
        h("summary", {}, `${count} rejections, each with its reason`),
        rejected.map(([model, reasons]) => [
          h("h3", {}, model),
          h(
            "ul",
            { class: "reasons" },
            reasons.map((reason) => h("li", {}, reason)),
          ),
        ]),
      ),
  );
}

function drawHost(inventory) {
  const facts = (pairs) => makeFacts(/** @type {[string, any][]} */ (Object.entries(pairs)));
  return makeCard(
    "Machine",
    makeFacts([
      ["Profile", inventory.profile],
      ["Board", inventory.board],
    ]),
    h("details", { "data-name": "host" }, h("summary", {}, "Host"), facts(inventory.host)),
    h("details", { "data-name": "runtimes" }, h("summary", {}, "Runtimes"), facts(inventory.runtimes)),
  );
}
