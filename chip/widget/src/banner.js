/**
 * A true word about the connection, when there is something to say for longer than a moment.
 */
import { h } from "./dom.js";

/** Most breaks are over before anybody needs to hear of them. */
const GRACE = 3_000;
const AT_ONCE = ["replaced", "refused"];
const NOTHING = ["online", "idle"];
/** Nothing is wrong then. */
const NO_TROUBLE = ["connecting", "replaced"];

/** @typedef {import("./status.js").Status} Status */

export class Banner {
  #strings;
  #announce;
  #left;
  #words = h("p", {});
  #next = h("p", { class: "next", "aria-live": "off" });
  #button;
  #since = 0;
  /** @type {Status} */
  #status = { phase: "idle" };
  /** What went wrong, kept while another attempt is under way. @type {string} */
  #trouble = "connecting";
  #said = "";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  element;

  /**
   * @param {import("./strings.js").Strings} strings
   * @param {{ tryNow: () => void, announce: (sentence: string) => void, left: () => void }} actions  `left`: the focus has nowhere to be
   */
  constructor(strings, { tryNow, announce, left }) {
    this.#strings = strings;
    this.#announce = announce;
    this.#left = left;
    this.#button = h("button", { type: "button", onclick: tryNow });
    this.element = h("div", { part: "banner", hidden: true }, h("div", {}, this.#words, this.#next), this.#button);
  }

  /** @param {import("./strings.js").Strings} strings */
  speak(strings) {
    this.#strings = strings;
    this.#draw();
  }

  /** @param {Status} status */
  show(status) {
    this.#status = status;
    if (NOTHING.includes(status.phase)) {
      this.#since = 0;
      this.#trouble = "connecting";
    } else {
      this.#since ||= Date.now();
      if (status.phase !== "connecting") this.#trouble = status.phase === "stalled" ? "busy" : status.phase;
    }
    const focused = this.#button.matches(":focus");
    this.#draw();
    if (focused && (this.element.hidden || this.#button.hidden)) this.#left();
  }

  stop() {
    clearTimeout(this.#timer);
  }

  #draw() {
    clearTimeout(this.#timer);
    const { phase, until } = this.#status;
    const early = AT_ONCE.includes(phase) ? 0 : this.#since + GRACE - Date.now();
    if (!this.#since || early > 0) {
      this.element.hidden = true;
      this.#said = "";
      if (this.#since) this.#timer = setTimeout(() => this.#draw(), early);
      return;
    }
    const seconds = Math.ceil(((until ?? 0) - Date.now()) / 1000);
    this.element.hidden = false;
    this.element.classList.toggle("calm", NO_TROUBLE.includes(this.#trouble));
    this.#write(this.#words, this.#strings.say(this.#trouble));
    this.#write(this.#next, this.#whatNext(seconds));
    this.#write(this.#button, this.#strings.say(phase === "replaced" ? "useHere" : "tryNow"));
    this.#button.hidden = phase === "connecting";
    if (this.#said !== this.#trouble) this.#announce(this.#strings.say(this.#trouble));
    this.#said = this.#trouble;
    if (seconds > 0) this.#timer = setTimeout(() => this.#draw(), 1000);
  }

  /** @param {number} seconds */
  #whatNext(seconds) {
    if (this.#trouble === "connecting" || AT_ONCE.includes(this.#status.phase)) return "";
    return seconds > 0 ? this.#strings.say("retryIn", seconds) : this.#strings.say("connecting");
  }

  /** @param {HTMLElement} element @param {string} text */
  #write(element, text) {
    if (element.textContent !== text) element.textContent = text;
    element.hidden = !text;
  }
}
