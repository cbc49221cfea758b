/**
 * The question for an e-mail, and the thanks.
 *
 * It is no form, which a page in a sandbox may be forbidden to send.
 */
import { isComposing } from "../typing.js";
import { say } from "./phrases.js";

const MOST = 255;

export class Question {
  #strings;
  #leave;
  #input;
  #wrong;
  #words;
  #label;
  #yes;
  #no;
  #answer;
  /** What it says now. */
  #phrase = "emailAsk";
  #email = "";
  element;

  /**
   * @param {object} parts
   * @param {typeof import("../dom.js").h} parts.h
   * @param {import("../strings.js").Strings} parts.strings
   * @param {(email: string) => void} parts.leave
   * @param {() => void} parts.decline
   */
  constructor({ h, strings, leave, decline }) {
    this.#strings = strings;
    this.#leave = leave;
    this.#words = h("p", { id: "email-words" });
    this.#label = h("label", { for: "email", class: "unseen" });
    this.#input = h("input", { id: "email", type: "email", autocomplete: "email", maxlength: MOST, "aria-describedby": "email-wrong" });
    this.#wrong = h("p", { id: "email-wrong", class: "wrong", role: "alert" });
    this.#yes = h("button", { class: "yes", type: "button", onclick: () => this.#answered() });
    this.#no = h("button", { type: "button", onclick: decline });
    this.#answer = h("div", { class: "answer" }, this.#label, this.#input, this.#wrong, h("div", { class: "choice" }, this.#yes, this.#no));
    this.element = h("div", { part: "email", role: "group", "aria-labelledby": "email-words", hidden: true }, this.#words, this.#answer);
    this.#input.addEventListener("keydown", (event) => event.key === "Enter" && !isComposing(event) && this.#answered());
    this.speak(strings);
  }

  /** As if nobody had answered yet. */
  begin() {
    this.#input.value = this.#email = this.#wrong.textContent = "";
    this.#input.removeAttribute("aria-invalid");
    this.#say("emailAsk");
  }

  /** @param {import("../strings.js").Strings} strings */
  speak(strings) {
    this.#strings = strings;
    this.#words.textContent = say(strings, this.#phrase, { email: this.#email });
    this.#label.textContent = this.#input.placeholder = say(strings, "email");
    this.#yes.textContent = say(strings, "emailLeave");
    this.#no.textContent = say(strings, "emailNo");
    this.#answer.hidden = this.#phrase !== "emailAsk";
  }

  /** What it says now. */
  get text() {
    return this.#words.textContent ?? "";
  }

  /** The answer is on its way. */
  wait() {
    this.#say("sending");
  }

  thank() {
    this.#say("emailThanks");
  }

  /** What was written is no address: it is asked for once more. */
  refuse() {
    this.#say("emailAsk");
    this.#judge(false);
  }

  /** @param {string} phrase */
  #say(phrase) {
    this.#phrase = phrase;
    this.speak(this.#strings);
  }

  /** @param {boolean} good */
  #judge(good) {
    this.#wrong.textContent = good ? "" : say(this.#strings, "emailWrong");
    this.#input.setAttribute("aria-invalid", String(!good));
  }

  #answered() {
    const email = (this.#email = this.#input.value.trim());
    const good = Boolean(email) && this.#input.validity.valid;
    this.#judge(good);
    if (good) this.#leave(email);
    else this.#input.focus();
  }
}
