// Pushing a release: to one device or to all with a label, with a look at whom it meets before it is done.

import { send } from "./api.js";
import { openDialog } from "./dialog.js";
import { h, replace, say } from "./dom.js";
import { counted, number } from "./format.js";
import { isThere } from "./states.js";

const SHOWN = 8;

/**
 * @param {import("./fleet.js").Fleet} fleet
 * @param {string[]} releases Ids, the newest first.
 * @param {string} release The one to begin with.
 * @param {() => void} onPushed
 */
export function openPush(fleet, releases, release, onPushed) {
  const rows = [...fleet.entries.values()].map((entry) => entry.row).filter((row) => row.presence !== "revoked");
  const labels = [
    ...new Set(rows.flatMap((row) => Object.entries(row.labels).map(([key, value]) => `${key}=${value}`))),
  ].sort();
  const devices = h(
    "datalist",
    { id: "push-devices" },
    rows.map((row) => h("option", { value: row.device })),
  );
  const which = h(
    "select",
    { id: "push-release" },
    releases.map((id) => h("option", { value: id }, id)),
  );
  const device = h("input", {
    id: "push-device",
    list: "push-devices",
    autocomplete: "off",
    spellcheck: "false",
    "aria-label": "Device",
    oninput: tell,
  });
  const label = h(
    "select",
    { id: "push-label", "aria-label": "Label", onchange: tell, disabled: true },
    labels.map((text) => h("option", {}, text)),
  );
  const one = h("input", { type: "radio", name: "whom", id: "whom-one", checked: true, onchange: tell });
  const many = h("input", { type: "radio", name: "whom", id: "whom-many", onchange: tell, disabled: !labels.length });
  const met = h("div", { class: "met", role: "status" });
  which.value = release;
  openDialog({
    title: "Push a release",
    body: h(
      "div",
      { class: "fields" },
      h("p", {}, h("label", { for: "push-release" }, "release"), which),
      h(
        "fieldset",
        {},
        h("legend", {}, "to"),
        h("p", { class: "choice" }, h("label", { for: "whom-one" }, one, " one device"), device, devices),
        h("p", { class: "choice" }, h("label", { for: "whom-many" }, many, " all with label"), label),
      ),
      met,
      h(
        "p",
        { class: "quiet" },
        "Each device fetches it, checks it, tries it beside what runs, and goes back by itself if it is worse.",
      ),
    ),
    verb: "Push",
    isGrave: true,
    perform: push,
  });
  tell();

  function choose() {
    if (one.checked) return rows.filter((row) => row.device === device.value.trim());
    const [key, ...value] = label.value.split("=");
    return rows.filter((row) => row.labels[key] === value.join("="));
  }

  function tell() {
    device.disabled = !one.checked;
    label.disabled = one.checked;
    const chosen = choose();
    const there = chosen.filter(isThere).length;
    const names = chosen
      .slice(0, SHOWN)
      .map((row) => row.device)
      .join(", ");
    replace(
      met,
      chosen.length
        ? [
            h(
              "p",
              {},
              h("b", {}, `This meets ${counted(chosen.length, "device")}`),
              `, ${number(there)} of them connected now.`,
            ),
            h("p", { class: "quiet" }, names, chosen.length > SHOWN && ` and ${number(chosen.length - SHOWN)} more`),
          ]
        : h("p", { class: "quiet" }, one.checked && !device.value ? "Name a device." : "This meets no device."),
    );
  }

  async function push() {
    const chosen = choose();
    if (!chosen.length) throw new Error("cannot push: no device is meant");
    const whom = one.checked ? { devices: [chosen[0].device] } : { labels: label.value };
    const { deployment } = await send("POST", "/api/deployments", { ...whom, release: which.value });
    say(`pushed ${which.value} to ${counted(chosen.length, "device")}`);
    onPushed();
    return h("p", {}, `Pushed as deployment ${deployment}. Its progress is on this page.`);
  }
}
