/**
 * Where the visitor writes. What is not sent yet outlives a reload of the page.
 */
import { h, icon } from "./dom.js";
import { fitToText, isComposing } from "./typing.js";
import { cleanText, MAX_TEXT } from "./wire.js";

/** The counter appears this close to the limit. */
const NEARLY = 200;

export class Composer {
  #strings;
  #send;
  #session;
  #input;
  #button;
  #count = h("output", { class: "count", "aria-live": "polite" });
  element;

  /**
   * @param {import("./strings.js").Strings} strings
   * @param {(text: string) => void} send
   * @param {import("./notes.js").Notes} session  what this tab remembers
   */
  constructor(strings, send, session) {
    this.#strings = strings;
    this.#send = send;
    this.#session = session;
    this.#input = h("textarea", {
      part: "input", rows: "1", dir: "auto", enterkeyhint: "send",
      autocomplete: "off", oninput: () => this.#wrote(), onkeydown: (/** @type {KeyboardEvent} */ event) => this.#pressed(event),
    });
    this.#button = h(
      "button",
      // A frame without the right to submit forms swallows the click on a button that does.
      { part: "send", type: "button", onclick: (/** @type {Event} */ event) => this.#submit(event) },
      icon("send"),
    );
    this.element = h("div", { part: "composer" }, this.#input, this.#button, this.#count);
    this.recall();
    this.speak(strings);
  }

  /** @param {import("./strings.js").Strings} strings */
  speak(strings) {
    this.#strings = strings;
    this.#input.placeholder = strings.say("input");
    this.#input.setAttribute("aria-label", this.#input.placeholder);
    this.#button.setAttribute("aria-label", strings.say("send"));
    this.#changed();
  }

  /** Another page may have gone on writing, or have forgotten what was written. */
  recall() {
    this.#input.value = this.#session.get("draft") ?? "";
    this.#changed();
  }

  focus() {
    this.#input.focus({ preventScroll: true });
  }

  /** Whether anything that is written here can ever be sent. @param {boolean} possible */
  enable(possible) {
    this.#input.disabled = !possible;
    this.#changed();
  }

  #wrote() {
    const draft = this.#input.value;
    if (draft) this.#session.set("draft", draft);
    else this.#session.remove("draft");
    this.#changed();
  }

  #changed() {
    const text = cleanText(this.#input.value);
    const over = text.length - MAX_TEXT;
    // Not `disabled`: a button that loses the focus to nowhere is lost to the keyboard.
    this.#button.setAttribute("aria-disabled", String(!text || over > 0 || this.#input.disabled));
    this.#count.textContent = over > 0 ? this.#strings.say("tooLong", over) : over > -NEARLY ? `${text.length}/${MAX_TEXT}` : "";
    this.#input.setAttribute("aria-invalid", String(over > 0));
    fitToText(this.#input);
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.repeat && !isComposing(event)) this.#submit(event);
  }

  /** @param {Event} event */
  #submit(event) {
    event.preventDefault();
    if (this.#button.getAttribute("aria-disabled") === "true") return;
    const text = this.#input.value;
    this.#input.value = "";
    this.#wrote();
    this.#send(text);
    this.focus();
  }
}
