// The way in: a token, as `edgefuse fleet serve --console` and `edgefuse up` print it.

import { login } from "./api.js";
import { h, replace } from "./dom.js";

/**
 * Ask for a token until one is taken.
 * @param {Element} place
 * @param {() => void} onDone
 * @param {string} [why] Why it is asked for.
 */
export function showLogin(place, onDone, why = "") {
  const field = h("input", {
    id: "token",
    type: "password",
    autocomplete: "current-password",
    required: true,
    spellcheck: "false",
    "aria-describedby": "token-help",
  });
  const problem = h("p", { class: "problem", role: "alert", hidden: !why }, why);
  const button = h("button", { class: "primary" }, "Log in");
  const form = h(
    "form",
    { class: "login card", onsubmit: (event) => enter(event) },
    h("h1", {}, "Log in"),
    h("label", { for: "token" }, "Token"),
    field,
    h(
      "p",
      { id: "token-help", class: "quiet" },
      "It is printed where the console was started. ",
      h("code", {}, "edgefuse fleet console token"),
      " makes another.",
    ),
    problem,
    button,
  );
  replace(place, form);
  document.title = "Log in – edgefuse";
  field.focus();

  async function enter(event) {
    event.preventDefault();
    button.disabled = true;
    try {
      await login(field.value.trim());
      onDone();
    } catch (e) {
      problem.hidden = false;
      problem.textContent = e.message;
      field.select();
    } finally {
      button.disabled = false;
    }
  }
}

/** Give the token in the address, and take it out of there at once. */
export function takeToken() {
  const found = /^#token=(.+)$/.exec(location.hash);
  if (found) history.replaceState(null, "", "#/");
  return found && decodeURIComponent(found[1]);
}
