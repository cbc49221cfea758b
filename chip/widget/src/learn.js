/**
 * What is known of when somebody answers, by the page's attributes or by the server. What shows it
 * is in a file of its own, which is loaded where there is something to show.
 */
import { later } from "./later.js";

const SHOWN = ["hours", "usually"];
/** Milliseconds. */
const WITHIN = 10_000;

/** @typedef {import("./availability/availability.js").Availability} Availability */

export class Learning {
  #address;
  #server;
  #wish;
  #show;
  #asking = false;
  #stopped = false;
  /** @type {Availability | undefined} */
  #shown;

  /**
   * @param {string} server
   * @param {string} channel
   * @param {(name: string) => string} wish  what an attribute says
   * @param {(shown: typeof import("./availability/availability.js").Availability, fact: (name: string) => string) => Availability} show
   */
  constructor(server, channel, wish, show) {
    this.#server = server;
    this.#address = `${server}/wc/availability/${channel}`;
    this.#wish = wish;
    this.#show = show;
  }

  /** Say it, as far as it is known, or anew: what is known has changed. */
  async learn() {
    if (this.#shown) return this.#shown.show();
    if (this.#asking) return undefined;
    this.#asking = true;
    const told = await ask(this.#address);
    const fact = (/** @type {string} */ name) => this.#wish(name) || String(told[name] ?? "");
    const shown = SHOWN.some(fact) ? await later(this.#server, "availability") : null;
    this.#asking = false;
    if (shown && !this.#stopped) this.#shown = this.#show(shown.Availability, fact);
    return undefined;
  }

  /** @param {import("./strings.js").Strings} strings */
  speak(strings) {
    this.#shown?.speak(strings);
  }

  stop() {
    this.#stopped = true;
    this.#shown?.stop();
  }
}

/** @param {string} address @returns {Promise<Record<string, unknown>>} */
async function ask(address) {
  try {
    const response = await fetch(address, { credentials: "omit", signal: AbortSignal.timeout(WITHIN) });
    return response.ok ? (await response.json()) ?? {} : {};
  } catch {
    return {};
  }
}
