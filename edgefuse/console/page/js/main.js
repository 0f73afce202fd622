// The console's page: logs in, listens to the fleet, and shows what the address names.

import { ApiError, login, resume, setLogoutAction } from "./api.js";
import { AuditView } from "./audit_view.js";
import { DeviceView } from "./device_view.js";
import { replace, say } from "./dom.js";
import { EventsView } from "./events_view.js";
import { Fleet } from "./fleet.js";
import { FleetView } from "./fleet_view.js";
import { markPage, showHeader, showTrouble } from "./header.js";
import { showLogin, takeToken } from "./login_view.js";
import { makeProblem } from "./parts.js";
import { ReleasesView } from "./releases_view.js";
import { Router } from "./router.js";

const RETRY_MS = 3000;
const place = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const [top, notice, content] = ["top", "notice", "content"].map(place);

const fleet = new Fleet();
const router = new Router(
  content,
  {
    "": () => new FleetView(fleet),
    devices: (device) => new DeviceView(fleet, device),
    releases: () => new ReleasesView(fleet),
    events: () => new EventsView(),
    audit: () => new AuditView(),
  },
  (word) => markPage(top, word),
);

fleet.addEventListener("trouble", () => showTrouble(notice, fleet.trouble));
setLogoutAction(() => leave("", "The login is over; log in again."));

function enter() {
  showHeader(top, () => leave("Logged out."));
  fleet.start();
  router.show();
}

/** Ask for a token. @param {string} text What has happened. @param {string} [problem] */
function leave(text, problem) {
  fleet.stop();
  router.close();
  showTrouble(notice, null);
  showHeader(top, () => {});
  showLogin(content, enter, problem);
  say(text);
}

/** Enter with a token, or with the login that the browser has. @param {string | null} token */
async function begin(token) {
  try {
    if (token) await login(token);
    if (token || (await resume())) enter();
    else leave("");
  } catch (e) {
    if (!(e instanceof ApiError)) throw e;
    if (e.status) return leave("", e.message);
    replace(content, makeProblem(e.message));
    setTimeout(() => begin(token), RETRY_MS);
  }
}

document.querySelector(".skip")?.addEventListener("click", (event) => {
  event.preventDefault(); // the address is a page's
  content.focus();
});
addEventListener("hashchange", () => {
  const token = takeToken();
  if (token) begin(token);
});
begin(takeToken());
