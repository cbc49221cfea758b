/**
 * The conversation on the screen: days, messages, suggested answers, and where one has scrolled to.
 */
import { h, icon } from "./dom.js";
import { MessageView, sameRun } from "./message.js";
import { Place } from "./place.js";
import { midnight } from "./strings.js";

/** Pixels from the top at which older messages are fetched. */
const NEAR_TOP = 120;

/**
 * @typedef {import("./conversation.js").Entry} Entry
 *
 * @typedef {object} Picture  what to show
 * @property {Entry[]} entries
 * @property {string} fresh  the key of the first message that is new to the visitor, or ""
 * @property {boolean} online
 * @property {"" | "loading" | "trouble"} past  what happens at the top
 * @property {boolean} start  the first that was said is here
 * @property {boolean} refused  nothing can be said any more
 */

export class LogView {
  #strings;
  #actions;
  #past = h("p", { class: "past" });
  #rows = h("div", { class: "rows" });
  #replies = h("div", { part: "quick-replies", role: "group" });
  #scroller;
  #pill;
  #welcome = h("p", { dir: "auto" });
  #greeting = h("div", { class: "greeting" }, icon("chat"), this.#welcome);
  #more = h("span");
  /** Whether somebody who reads further up has missed what came meanwhile. */
  #news = false;
  /** @type {Map<string, MessageView>} */
  #views = new Map();
  /** @type {Map<number, HTMLElement>} */
  #days = new Map();
  #divider = h("p", { part: "divider" });
  #place;
  #newestKey = "";
  #observer = new ResizeObserver(() => this.#resized());
  element;

  /**
   * @param {import("./strings.js").Strings} strings
   * @param {import("./message.js").Actions & {
   *   reply: (text: string) => void, older: () => void, bottom: () => void }} actions
   */
  constructor(strings, actions) {
    this.#strings = strings;
    this.#actions = actions;
    this.#scroller = h(
      "div",
      {
        part: "log", role: "log", tabindex: "0", "aria-live": "off", onscroll: () => this.#scrolled(),
      },
      this.#past, this.#greeting, this.#rows, this.#replies,
    );
    this.#pill = h(
      "button",
      { part: "new-messages", class: "pill", type: "button", hidden: true, onclick: () => this.toBottom(true) },
      icon("down"), this.#more,
    );
    this.element = h("div", { class: "log-frame" }, this.#scroller, this.#pill);
    this.#place = new Place(this.#scroller, this.#rows);
    this.speak(strings);
    for (const part of [this.#scroller, ...this.#scroller.children]) this.#observer.observe(part);
  }

  /** @param {string} greeting */
  greet(greeting) {
    this.#welcome.textContent = greeting;
  }

  /** @param {import("./strings.js").Strings} strings */
  speak(strings) {
    this.#strings = strings;
    this.#replies.setAttribute("aria-label", strings.say("replies"));
    this.#scroller.setAttribute("aria-label", strings.say("log"));
    this.#point();
    for (const view of this.#views.values()) view.speak(strings);
  }

  /** It is in a page again, scrolled to its start. */
  shown() {
    this.#place.keep();
  }

  /** Whether the newest message is in view. */
  get atBottom() {
    return this.#place.atEnd;
  }

  stop() {
    this.#observer.disconnect();
  }

  /** @param {Picture} picture */
  show({ entries, fresh, online, past, start, refused }) {
    this.#place.look();
    const focused = this.#scroller.querySelector(":focus");
    this.#greeting.hidden = !start || (refused && !entries.length);
    this.#past.textContent = past && this.#strings.say(past === "loading" ? "loading" : "historyTrouble");
    this.#past.classList.toggle("skeleton", past === "loading" && !entries.length);
    this.#past.hidden = !past;
    place(this.#rows, this.#lay(entries, fresh, online));
    this.#offer(refused ? [] : entries);
    if (focused && !this.#scroller.querySelector(":focus")) this.#enter();
    const newest = entries.at(-1);
    const arrived = newest !== undefined && newest.key !== this.#newestKey;
    this.#newestKey = newest?.key ?? "";
    this.#place.keep();
    if (arrived && !newest.own && !this.atBottom) this.#news = true;
    this.#point();
    this.#fill();
  }

  /** @param {boolean} [gently] */
  toBottom(gently = false) {
    this.#place.toEnd(gently);
    this.#point();
  }

  /** What had the focus is gone. */
  #enter() {
    this.#scroller.focus({ preventScroll: true });
  }

  /** Show the way to the newest message to whoever does not see it. */
  #point() {
    this.#news &&= !this.atBottom;
    if (this.atBottom && this.#pill.matches(":focus")) this.#enter();
    this.#pill.hidden = this.atBottom;
    this.#pill.setAttribute("aria-label", this.#strings.say(this.#news ? "newMessages" : "newest"));
    this.#more.textContent = this.#news ? this.#strings.say("newMessages") : "";
  }

  /**
   * @param {Entry[]} entries
   * @param {string} fresh
   * @param {boolean} online
   */
  #lay(entries, fresh, online) {
    const now = Date.now();
    const newestSent = entries.findLast((entry) => entry.own && entry.state === "sent");
    const views = new Map();
    const days = new Map();
    /** @type {HTMLElement[]} */
    const rows = [];
    entries.forEach((entry, index) => {
      const [before, after] = [entries[index - 1], entries[index + 1]];
      const date = midnight(entry.when);
      const newDay = !before || midnight(before.when) !== date;
      if (newDay && !days.has(date)) {
        const day = this.#days.get(date) ?? h("p", { part: "day" });
        const words = this.#strings.day(entry.when, now);
        if (day.textContent !== words) day.textContent = words;
        days.set(date, day);
        rows.push(day);
      }
      if (entry.key === fresh) {
        this.#divider.textContent = this.#strings.say("newMessages");
        rows.push(this.#divider);
      }
      const view = this.#views.get(entry.key) ?? new MessageView(entry, this.#strings, this.#actions);
      view.update(entry, {
        first: newDay || entry.key === fresh || !sameRun(before, entry),
        last: !after || after.key === fresh || midnight(after.when) !== date || !sameRun(entry, after),
        newest: entry === newestSent,
        online,
      });
      views.set(entry.key, view);
      rows.push(view.element);
    });
    this.#views = views;
    this.#days = days;
    return rows;
  }

  /** Suggested answers stand as long as nobody has said more. @param {Entry[]} entries */
  #offer(entries) {
    const texts = entries.findLast(({ own, state }) => !own || state !== "failed")?.quickReplies ?? [];
    const shown = [...this.#replies.children].map((button) => button.textContent);
    this.#replies.hidden = !texts.length;
    if (texts.join("\n") === shown.join("\n")) return;
    this.#replies.replaceChildren(
      ...texts.map((text) => h("button", { part: "quick-reply", type: "button", dir: "auto", onclick: () => this.#actions.reply(text) }, text)),
    );
  }

  #resized() {
    this.#place.keep();
    this.#point();
    this.#fill();
  }

  #scrolled() {
    this.#place.look();
    this.#point();
    if (this.atBottom) this.#actions.bottom();
    this.#fill();
  }

  /** Fetch what is above before one gets there. */
  #fill() {
    if (this.#scroller.clientHeight && this.#scroller.scrollTop < NEAR_TOP) this.#actions.older();
  }
}

/** Put these rows in this order, moving only what has to move. @param {Element} parent @param {Element[]} rows */
function place(parent, rows) {
  const wanted = new Set(rows);
  const focused = /** @type {HTMLElement | null} */ (parent.querySelector(":focus"));
  for (const row of [...parent.children]) if (!wanted.has(row)) row.remove();
  rows.forEach((row, index) => {
    if (parent.children[index] !== row) parent.insertBefore(row, parent.children[index] ?? null);
  });
  // What is moved loses it.
  focused?.focus({ preventScroll: true });
}
