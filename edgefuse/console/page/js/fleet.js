// What is known of all devices: the server tells everything once, then what changes.

import { resume } from "./api.js";
import { now, setServerTime } from "./clock.js";
import { describe } from "./states.js";

const RETRY_MS = 3000;
const SILENT_MS = 45000; // three of the server's beats

/**
 * @typedef {object} Progress
 * @property {string} id
 * @property {string} release
 * @property {string} state
 * @property {boolean} is_over
 * @property {string} reason
 * @property {number} done_bytes
 * @property {number} total_bytes
 * @property {string} t
 *
 * @typedef {object} Row See `edgefuse/console/rows.py`.
 * @property {string} device
 * @property {"online" | "offline" | "silent" | "unseen" | "revoked"} presence
 * @property {number | null} since_s
 * @property {Record<string, string>} labels
 * @property {number | null} reported_s
 * @property {number | null} temp_c
 * @property {"cool" | "warm" | "hot" | "critical" | null} band
 * @property {boolean | null} is_throttled
 * @property {number | null} power_w
 * @property {number | null} mem_mb
 * @property {number | null} fps
 * @property {number | null} fps_in
 * @property {number | null} latency_p95_ms
 * @property {number | null} faces
 * @property {number | null} point
 * @property {string | null} effect
 * @property {string | null} release
 * @property {string | null} service
 * @property {string | null} profile
 * @property {string | null} board
 * @property {string | null} version
 * @property {Progress | null} deployment
 *
 * @typedef {object} Entry A row, and what is found out of it once for each change.
 * @property {Row} row
 * @property {Set<string>} states
 * @property {string} text In which a search looks.
 */

export class Fleet extends EventTarget {
  /** @type {Map<string, Entry>} */
  entries = new Map();
  isLoaded = false;
  /**
   * Why nothing comes, and since when in Unix seconds; null while all is well.
   * @type {{reason: string, since_s: number} | null}
   */
  trouble = null;

  /** @type {EventSource | null} */
  #source = null;
  /** @type {number | undefined} */
  #timer;

  /** Listen until `stop`; after a break the browser asks for what it has missed. */
  start() {
    this.stop();
    const source = (this.#source = new EventSource("/api/changes"));
    source.addEventListener("rows", (event) => this.#take(JSON.parse(event.data)));
    source.addEventListener("trouble", (event) => this.#tell(JSON.parse(event.data).error));
    source.addEventListener("beat", () => this.#mend());
    source.onerror = () => this.#fail("the connection to the console is lost");
    this.#await();
  }

  stop() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  /** @param {{n: number, now_s: number, is_all: boolean, rows: Row[], gone: string[]}} news */
  #take(news) {
    setServerTime(news.now_s);
    if (news.is_all) this.entries.clear();
    for (const row of news.rows) this.entries.set(row.device, describe(row));
    for (const device of news.gone) this.entries.delete(device);
    this.isLoaded = true;
    this.#mend();
    this.dispatchEvent(new CustomEvent("change", { detail: news }));
  }

  #mend() {
    this.#await();
    if (this.trouble) this.#tell(null);
  }

  #await() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#restart("nothing comes from the console"), SILENT_MS);
  }

  /** @param {string} reason */
  async #fail(reason) {
    this.#tell(reason);
    if (this.#source?.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
    clearTimeout(this.#timer);
    try {
      if (await resume()) this.#timer = setTimeout(() => this.start(), RETRY_MS);
    } catch {
      this.#timer = setTimeout(() => this.#restart(reason), RETRY_MS);
    }
  }

  /** @param {string} reason */
  #restart(reason) {
    this.#tell(reason);
    this.start();
  }

  /** @param {string | null} reason */
  #tell(reason) {
    this.trouble = reason === null ? null : { reason, since_s: this.trouble?.since_s ?? now() };
    this.dispatchEvent(new Event("trouble"));
  }
}
