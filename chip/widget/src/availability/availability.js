/**
 * When somebody answers, in the chat's header, and the question for an e-mail while nobody does.
 *
 * A file of its own: the widget loads it when a chat is opened of which something of this is known.
 */
import { dress } from "../dress.js";
import { schedule } from "./hours.js";
import { Question } from "./question.js";
import { word } from "./word.js";

/** Milliseconds after which the word is looked at again: clocks are set, and devices sleep. */
const AGAIN = 15 * 60_000;

const css = String.raw`
.availability { font-size: .9em; line-height: 1.4; }
.email { display: grid; gap: 8px; padding: 12px 20px; border-block-start: 1px solid var(--line); background: var(--raised); font-size: .933em; }
.email input { font: inherit; font-size: max(16px, 1.067em); color: var(--ink); background: var(--ground); border: 1px solid var(--quiet); border-radius: 10px; padding: 8px 12px; min-inline-size: 0; margin: 0; }
.email input::placeholder { color: var(--quiet); opacity: 1; }
.email .wrong { color: var(--alarm); }
.email .wrong:empty { display: none; }
.email .answer { display: grid; gap: 8px; }
.email .choice { display: flex; flex-wrap: wrap; gap: 8px; }
.email button { min-block-size: 36px; padding-inline: 14px; border-radius: 18px; }
.email .yes { background: var(--accent); color: var(--on-accent); font-weight: 600; }
@media (pointer: coarse) { .email :is(button, input) { min-block-size: 44px; } .email button { border-radius: 22px; } }
`;

export class Availability {
  #parts;
  #strings;
  #question;
  #ends;
  /** "unasked" → "asked" → "leaving" → "thanked", or back: what was left was no address. */
  #state = "unasked";
  #read = "";
  /** @type {((now: number) => import("./hours.js").Opening) | null} */
  #schedule = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** The word on when somebody answers. */
  word;
  /** The question, or the thanks. */
  element;

  /**
   * @param {object} parts
   * @param {typeof import("../dom.js").h} parts.h
   * @param {ShadowRoot} parts.shadow  where it will be shown
   * @param {import("../strings.js").Strings} parts.strings
   * @param {(name: string) => string} parts.fact  what the page or the server says: hours, zone, available, away, usually
   * @param {import("../chat.js").Chat} parts.chat
   * @param {import("../notes.js").Notes} parts.session
   * @param {(sentence: string) => void} parts.announce
   * @param {(sentence: string) => void} parts.advise  the developer
   * @param {() => void} parts.answered  the visitor has answered the question
   */
  constructor(parts) {
    const { h, shadow, strings, chat } = (this.#parts = parts);
    this.#strings = strings;
    dress(shadow, css);
    this.word = h("p", { part: "availability", dir: "auto", hidden: true });
    this.#question = new Question({ h, strings, leave: (email) => this.#left(email), decline: () => this.#answered("unasked") });
    this.element = this.#question.element;
    this.#ends = [
      chat.on("change", () => this.show()),
      chat.on("status", () => this.show()),
      chat.on("forgotten", () => this.#forgotten()),
      chat.on("problem", ({ command, code }) => command === "set_email" && code === "invalid_command" && this.#refused()),
    ];
    this.show();
  }

  /** @param {import("../strings.js").Strings} strings */
  speak(strings) {
    this.#strings = strings;
    this.#question.speak(strings);
    this.show();
  }

  stop() {
    clearTimeout(this.#timer);
    for (const end of this.#ends) end();
  }

  show() {
    const { fact } = this.#parts;
    const now = Date.now();
    const opening = this.#opening(now);
    const facts = { opening, available: fact("available"), away: fact("away"), usually: this.#usually };
    const text = word(this.#strings, facts, now);
    if (this.word.textContent !== text) this.word.textContent = text;
    this.word.hidden = !text;
    clearTimeout(this.#timer);
    if (opening) this.#timer = setTimeout(() => this.show(), Math.min(opening.change - now, AGAIN));
    this.#ask(opening);
  }

  /** @param {import("./hours.js").Opening | null} opening */
  #ask(opening) {
    const { chat, session, announce } = this.#parts;
    if (this.#state === "leaving" && chat.status.phase === "online") {
      this.#state = "thanked";
      session.set("asked", "1");
      this.#question.thank();
      announce(this.#question.text);
    }
    if (this.#state === "asked" && chat.email) this.#answered("unasked");
    if (this.#state !== "unasked" || !opening || opening.open || chat.email || session.get("asked")) return;
    if (!chat.conversation.list().some(({ own, when }) => own && when >= opening.since)) return;
    this.#state = "asked";
    this.element.hidden = false;
    announce(this.#question.text);
  }

  /** @param {string} email */
  #left(email) {
    this.#answered("leaving");
    this.#parts.chat.setEmail(email);
    this.show();
  }

  /** @param {"unasked" | "leaving"} state */
  #answered(state) {
    const inside = this.element.matches(":focus-within");
    this.#state = state;
    if (state === "leaving") this.#question.wait();
    else {
      this.element.hidden = true;
      this.#parts.session.set("asked", "1");
    }
    if (inside) this.#parts.answered();
  }

  #refused() {
    if (this.#state !== "leaving" && this.#state !== "thanked") return;
    this.#state = "asked";
    this.#parts.session.remove("asked");
    this.#question.refuse();
    this.#parts.announce(this.#question.text);
  }

  /** Whoever comes next has not been asked. */
  #forgotten() {
    this.#answered("unasked");
    this.#parts.session.remove("asked");
    this.#question.begin();
  }

  /** @param {number} now */
  #opening(now) {
    const { fact } = this.#parts;
    const [hours, zone] = [fact("hours"), fact("zone")];
    if (this.#read !== `${hours} ${zone}`) {
      this.#read = `${hours} ${zone}`;
      this.#schedule = null;
      try {
        if (hours) this.#schedule = schedule(hours, zone);
      } catch (error) {
        this.#parts.advise(`hours="${hours}" zone="${zone}" say nothing: ${/** @type {Error} */ (error).message}.`);
      }
    }
    return this.#schedule?.(now) ?? null;
  }

  get #usually() {
    const text = this.#parts.fact("usually");
    const seconds = Number(text);
    if (seconds >= 0) return seconds;
    this.#parts.advise(`usually="${text}" says nothing: it is a number of seconds.`);
    return 0;
  }
}
