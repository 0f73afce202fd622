// How the newest deployment of a device stands, with what its gates measured.

import { since } from "./clock.js";
import { h, isNews, replace } from "./dom.js";
import { megabytes, number, parseTime } from "./format.js";
import { makeBar, makeCard, makeChip, makeFacts, makeTable } from "./parts.js";
import { toneOfDeployment } from "./states.js";

const STEPS = [
  "REFRESH",
  "RESOLVE",
  "PREFLIGHT",
  "FETCH",
  "REBUILD",
  "VERIFY",
  "STAGE",
  "SELFTEST",
  "TRIAL",
  "COMMIT",
  "CLEANUP",
];
const ENDS = ["COMMITTED", "REJECTED", "FAILED", "ROLLED_BACK", "CANCELLED"];

/** @param {Element} place @param {any} deployment As the device reported it, or null. */
export function drawDeployment(place, deployment) {
  if (!isNews(place, deployment)) return;
  if (!deployment) return replace(place);
  const isOver = ENDS.includes(deployment.state);
  const gates = Object.entries(deployment.gates).map(([gate, value]) => [gate, number(value, 3)]);
  replace(
    place,
    makeCard(
      "Newest deployment",
      h(
        "p",
        { class: "headline" },
        makeChip(deployment.state, toneOfDeployment({ is_over: isOver, state: deployment.state })),
        " release ",
        h("b", {}, deployment.release),
      ),
      deployment.reason && h("p", { class: "reason" }, deployment.reason),
      isOver ? null : drawSteps(deployment),
      makeFacts([
        ["Deployment", deployment.id],
        [isOver ? "Ended" : "Told", since(parseTime(deployment.ended_at || deployment.t))],
      ]),
      gates.length ? makeTable("What its gates measured", ["Gate", "Measured"], gates) : null,
    ),
  );
}

function drawSteps(deployment) {
  const at = STEPS.indexOf(deployment.state);
  const share = deployment.total_bytes ? deployment.done_bytes / deployment.total_bytes : null;
  const steps = STEPS.map((step, i) =>
    h(
      "li",
      { class: i < at ? "done" : i === at ? "now" : "", "aria-current": i === at ? "step" : null },
      step.toLowerCase(),
    ),
  );
  const told =
    share === null
      ? null
      : h(
          "p",
          {},
          makeBar(share, "Bytes of this step"),
          ` ${megabytes(deployment.done_bytes)} of ${megabytes(deployment.total_bytes)}`,
        );
  return [h("ol", { class: "steps" }, steps), told];
}
