// What can be asked of a device: a button a command, its form, and its reply.

import { devicePath, get, isOperator, send } from "./api.js";
import { openDialog } from "./dialog.js";
import { h, replace, say } from "./dom.js";
import { makeChip, makeProblem } from "./parts.js";
import { makeFields } from "./schema_form.js";

const TONES = { done: "good", refused: "warn", failed: "bad" };
const EFFECTS = ["anonymise", "fuse_mesh", "fuse_neural", "none"];

export class CommandsCard {
  /** @type {any[]} */
  #points = [];

  /** @param {string} device @param {() => void} onReply */
  constructor(device, onReply) {
    this.device = device;
    this.onReply = onReply;
    this.body = h("div", {}, h("p", { class: "quiet" }, "Loading …"));
    this.element = h("section", { class: "card commands" }, h("h2", {}, "Commands"), this.body);
  }

  /** @param {any[]} ladder The points that the device has. */
  setPoints(ladder) {
    this.#points = ladder;
  }

  async load() {
    if (!isOperator())
      return replace(
        this.body,
        h("p", { class: "quiet" }, "You may look. Who shall command logs in with an operator's token."),
      );
    try {
      const { commands } = await get("/api/commands");
      replace(
        this.body,
        h(
          "div",
          { class: "buttons" },
          commands.map((command) => this.#makeButton(command)),
        ),
      );
    } catch (e) {
      replace(
        this.body,
        makeProblem(e.message, () => this.load()),
      );
    }
  }

  #makeButton(command) {
    return h("button", { type: "button", title: command.about, onclick: () => this.#ask(command) }, command.command);
  }

  #ask(command) {
    const fields = makeFields(command.args, this.#choices());
    openDialog({
      title: `${command.command} on ${this.device}`,
      body: [h("p", {}, command.about), fields.element],
      verb: command.needs_confirmation ? `Yes, ${command.command}` : "Send",
      isGrave: command.needs_confirmation,
      perform: async () =>
        this.#show(
          command,
          await send("POST", devicePath(this.device, "/commands"), { command: command.command, args: fields.read() }),
        ),
    });
  }

  #choices() {
    const points = this.#points.map((point, i) => [
      String(i),
      `${i}: ${point.rate_hz} fps, detect ${point.detect_px} px, effect ${point.effect_px} px`,
    ]);
    const effects = [["", "no pin: as configured"], ...EFFECTS.map((effect) => [effect, effect])];
    return /** @type {any} */ ({ effect: effects, ...(points.length ? { point: points } : {}) });
  }

  #show(command, reply) {
    say(`${command.command}: ${reply.outcome} ${reply.reason}`);
    this.onReply();
    return h(
      "div",
      { class: "reply" },
      h("p", {}, makeChip(reply.outcome, TONES[reply.outcome] ?? "dim"), reply.reason && ` ${reply.reason}`),
      reply.file && showFile(command.file, reply.file, `${this.device}-${command.command}`),
      reply.result !== null &&
        h("details", {}, h("summary", {}, "What it answered"), h("pre", {}, JSON.stringify(reply.result, null, 2))),
    );
  }
}

/**
 * Show what a device sent along, and offer to keep it; the address lives as long as the page.
 * @param {string} media @param {string} base64 @param {string} name
 */
function showFile(media, base64, name) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const address = URL.createObjectURL(new Blob([bytes], { type: media }));
  const shown = media.startsWith("image/")
    ? h("img", { src: address, alt: `Picture of ${name}` })
    : h("pre", {}, new TextDecoder().decode(bytes));
  return [shown, h("a", { href: address, download: name }, "Save")];
}
