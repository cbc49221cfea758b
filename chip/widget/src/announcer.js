/**
 * Tells those who listen to the page what those who look at it see.
 *
 * Two quiet regions, because a modal panel silences everything outside itself. A picture that is
 * shown large has one of its own.
 */
import { h } from "./dom.js";

/** Screen readers drop what is replaced at once: sentences that come together are said together. */
const GATHER = 150;
/** A region that keeps its text would be read again when somebody passes by. */
const KEEP = 5_000;

const region = () => h("div", { class: "unseen", role: "status", "aria-live": "polite" });

export class Announcer {
  outside = region();
  inside = region();
  /** The region where something was said last. @type {Element} */
  #heard = this.outside;
  #modal;
  /** @type {string[]} */
  #waiting = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {() => boolean} modal  whether the panel silences the page */
  constructor(modal) {
    this.#modal = modal;
  }

  /** @param {string} sentence */
  say(sentence) {
    this.#waiting.push(sentence);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#speak(), GATHER);
  }

  stop() {
    clearTimeout(this.#timer);
  }

  #speak() {
    this.#hush();
    this.#heard = this.outside.parentElement?.querySelector(".lightbox .unseen") ?? (this.#modal() ? this.inside : this.outside);
    this.#heard.append(...this.#waiting.splice(0).map((sentence) => h("p", {}, sentence)));
    this.#timer = setTimeout(() => this.#hush(), KEEP);
  }

  #hush() {
    this.#heard.replaceChildren();
  }
}
