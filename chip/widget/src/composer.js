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
  #save;
  #input;
  #button;
  #count = h("output", { class: "count", "aria-live": "polite" });
  element;

  /**
   * @param {import("./strings.js").Strings} strings
   * @param {{ send: (text: string) => void, draft: string, save: (draft: string) => void }} actions
   */
  constructor(strings, { send, draft, save }) {
    this.#strings = strings;
    this.#send = send;
    this.#save = save;
    this.#input = h("textarea", {
      part: "input", rows: "1", dir: "auto", enterkeyhint: "send",
      autocomplete: "off", oninput: () => this.#changed(), onkeydown: (/** @type {KeyboardEvent} */ event) => this.#pressed(event),
    });
    this.#button = h(
      "button",
      // A frame without the right to submit forms swallows the click on a button that does.
      { part: "send", type: "button", onclick: (/** @type {Event} */ event) => this.#submit(event) },
      icon("send"),
    );
    this.element = h("div", { part: "composer" }, this.#input, this.#button, this.#count);
    this.#input.value = draft;
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

  focus() {
    this.#input.focus({ preventScroll: true });
  }

  /** Whether anything that is written here can ever be sent. @param {boolean} possible */
  enable(possible) {
    this.#input.disabled = !possible;
    this.#changed();
  }

  #changed() {
    const text = cleanText(this.#input.value);
    const over = text.length - MAX_TEXT;
    // Not `disabled`: a button that loses the focus to nowhere is lost to the keyboard.
    this.#button.setAttribute("aria-disabled", String(!text || over > 0 || this.#input.disabled));
    this.#count.textContent = over > 0 ? this.#strings.say("tooLong", over) : over > -NEARLY ? `${text.length}/${MAX_TEXT}` : "";
    this.#input.setAttribute("aria-invalid", String(over > 0));
    this.#save(this.#input.value);
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
    this.#changed();
    this.#send(text);
    this.focus();
  }
}
