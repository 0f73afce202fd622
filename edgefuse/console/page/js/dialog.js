// Asking before something is done, and telling what came of it.

import { h, replace } from "./dom.js";
import { makeProblem } from "./parts.js";

/**
 * Ask in a dialog; what is done and what comes of it is shown there.
 * @param {object} question
 * @param {string} question.title
 * @param {any} question.body What is asked for: texts and fields.
 * @param {string} question.verb On the button.
 * @param {boolean} [question.isGrave]
 * @param {() => Promise<any>} question.perform Does it, and gives what is to be told.
 */
export function openDialog({ title, body, verb, isGrave = false, perform }) {
  const told = h("div", { class: "told", "aria-live": "polite" });
  const cancel = h("button", { type: "button", onclick: () => dialog.close() }, "Cancel");
  const go = h("button", { class: isGrave ? "grave" : "primary" }, verb);
  const form = h(
    "form",
    { onsubmit: (event) => run(event) },
    h("h2", { id: "dialog-title" }, title),
    body,
    told,
    h("div", { class: "actions" }, cancel, go),
  );
  const dialog = h("dialog", { "aria-labelledby": "dialog-title", onclose: () => dialog.remove() }, form);
  document.body.append(dialog);
  dialog.showModal();

  async function run(event) {
    event.preventDefault();
    go.disabled = true;
    replace(told, h("p", { class: "quiet" }, "Waiting for an answer …"));
    try {
      replace(told, await perform());
      cancel.textContent = "Close";
      go.textContent = `${verb} again`;
    } catch (e) {
      replace(told, makeProblem(e.message));
    } finally {
      go.disabled = false;
    }
  }
}
