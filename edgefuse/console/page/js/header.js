// The bar at the top, and the line below it that tells when nothing comes.

import { currentSession, logout } from "./api.js";
import { since } from "./clock.js";
import { h, replace } from "./dom.js";
import { moment } from "./format.js";

const PAGES = [
  ["", "Fleet"],
  ["releases", "Releases"],
  ["events", "Events"],
  ["audit", "Audit"],
];

/** Show the bar to who is logged in, else only the name. @param {Element} place @param {() => void} onLogout */
export function showHeader(place, onLogout) {
  const session = currentSession();
  const name = h(
    "a",
    { class: "brand", href: "#/" },
    h("img", { src: "icon.svg", alt: "", width: 20, height: 20 }),
    "edgefuse",
  );
  if (!session) return replace(place, name);
  const links = PAGES.map(([word, text]) => h("li", {}, h("a", { href: `#/${word}`, "data-word": word }, text)));
  const leave = async () => {
    await logout().catch(() => {}); // the session ends by itself
    onLogout();
  };
  replace(
    place,
    name,
    h("nav", { "aria-label": "Pages" }, h("ul", {}, links)),
    h("span", { class: "role quiet" }, session.role),
    h("button", { type: "button", class: "plain", onclick: leave }, "Log out"),
  );
}

/** Mark the page that is shown. @param {Element} place @param {string} word */
export function markPage(place, word) {
  for (const link of place.querySelectorAll("nav a")) {
    const isShown = link.getAttribute("data-word") === (word === "devices" ? "" : word);
    if (isShown) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

/** @param {Element} place @param {{reason: string, since_s: number} | null} trouble */
export function showTrouble(place, trouble) {
  if (!trouble) return replace(place);
  if (place.firstChild && place.getAttribute("data-reason") === trouble.reason) return;
  place.setAttribute("data-reason", trouble.reason);
  replace(
    place,
    h(
      "p",
      { class: "trouble" },
      "What you see is old: ",
      trouble.reason,
      ` since ${moment(trouble.since_s).slice(11)}, `,
      since(trouble.since_s),
      ". Trying again …",
    ),
  );
}
