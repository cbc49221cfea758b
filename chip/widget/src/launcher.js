/**
 * The button that opens and closes the chat, and counts what waits there.
 */
import { h, icon } from "./dom.js";

/** More are not counted. */
export const MOST = 99;

export class Launcher {
  #strings;
  #badge = h("span", { part: "badge", "aria-hidden": "true", hidden: true });
  element;

  /**
   * @param {import("./strings.js").Strings} strings
   * @param {() => void} toggle
   */
  constructor(strings, toggle) {
    this.#strings = strings;
    this.element = h("button", { part: "launcher", type: "button", onclick: toggle, "aria-haspopup": "dialog" }, icon("chat"), icon("down"), this.#badge);
  }

  /** @param {import("./strings.js").Strings} strings */
  speak(strings) {
    this.#strings = strings;
  }

  /** @param {boolean} open @param {number} unread */
  show(open, unread) {
    const say = this.#strings;
    const count = unread > MOST ? `${MOST}+` : String(unread);
    const name = [say.say(open ? "close" : "open"), unread > 0 && say.say("unread", unread)].filter(Boolean).join(", ");
    this.element.setAttribute("aria-expanded", String(open));
    this.element.setAttribute("aria-label", name);
    this.#badge.hidden = unread === 0;
    if (this.#badge.textContent !== count) this.#badge.textContent = count;
  }
}
