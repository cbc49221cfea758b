/**
 * One picture, as large as the window allows, above everything.
 */
import { keepIn } from "./boundary.js";
import { h, icon, link } from "./dom.js";

export class Lightbox {
  #strings;
  #root;

  /**
   * @param {import("./strings.js").Strings} strings
   * @param {() => HTMLElement} root  where it goes, once there is such a place
   */
  constructor(strings, root) {
    this.#strings = strings;
    this.#root = root;
  }

  /** @param {import("./strings.js").Strings} strings */
  speak(strings) {
    this.#strings = strings;
  }

  /** @param {string} address @param {string} name */
  show(address, name) {
    const say = (/** @type {string} */ word) => this.#strings.say(word);
    const close = h("button", { type: "button", class: "round", "aria-label": say("closeImage"), onclick: () => dialog.close() }, icon("close"));
    const dialog = h(
      "dialog",
      { part: "lightbox", "aria-label": name },
      h("img", { src: address, alt: name, referrerpolicy: "no-referrer" }),
      h("div", { class: "lightbox-bar" }, link(address, {}, say("openOriginal")), close),
    );
    keepIn(dialog);
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    dialog.addEventListener("close", () => dialog.remove());
    this.#root().append(dialog);
    dialog.showModal();
    close.focus();
  }
}
