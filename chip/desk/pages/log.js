/** The messages of one conversation. It stays at the bottom if it was there. */
import { attachmentView } from "./widget/attachments.js";
import { h } from "./widget/dom.js";
import { textNodes } from "./widget/text.js";
import { icon } from "./dom.js";
import { ODD, STATES, authorOf, dayOf, strings, timeOf } from "./words.js";

/**
 * @typedef {import("./outbox.js").Shown} Message
 *
 * @typedef {object} Callbacks  what the log has others do
 * @property {(id: number) => void} retry  a message that Chip could not send
 * @property {() => void} sendNow
 * @property {(uuid: string) => void} resend  a reply that was refused
 * @property {(uuid: string) => void} edit
 * @property {(address: string, name: string) => void} showPicture
 * @property {() => void} earlier
 * @property {() => void} scrolled
 */

const NEAR = 60;
/** @type {Record<string, Parameters<typeof icon>[0]>} */
const MARKS = { queued: "clock", sent: "sent", delivered: "delivered", failed: "warning", waiting: "clock", late: "warning", refused: "warning" };

export class Log {
  /** @type {Map<string, { said: string, state: string, element: HTMLElement }>} */ #shown = new Map();
  #conversation = 0;

  /**
   * @param {HTMLElement} element
   * @param {Callbacks} callbacks
   */
  constructor(element, callbacks) {
    this.element = element;
    this.callbacks = callbacks;
    element.append(this.#rows);
    element.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    const stay = new ResizeObserver(() => this.#wasAtEnd && this.toEnd());
    for (const one of [element, this.#rows]) stay.observe(one);
  }

  #rows = h("div", { class: "rows" });
  #wasAtEnd = true;

  #scrolled() {
    this.#wasAtEnd = this.atEnd;
    this.callbacks.scrolled();
  }

  get atEnd() {
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    return scrollHeight - scrollTop - clientHeight < NEAR;
  }

  toEnd() {
    this.element.scrollTop = this.element.scrollHeight;
    this.#wasAtEnd = true;
  }

  /** @param {number} conversation @param {Message[]} messages @param {boolean} more  whether there are earlier ones */
  show(conversation, messages, more) {
    const focused = this.element.contains(document.activeElement);
    const another = conversation !== this.#conversation;
    if (another) this.#shown.clear();
    this.#conversation = conversation;
    const follow = another || this.atEnd;
    const fromEnd = this.element.scrollHeight - this.element.scrollTop;
    const first = messages.find(({ id }) => id > 0);
    const grewUp = !another && this.#oldest !== undefined && first !== undefined && first.id < this.#oldest;
    this.#oldest = first?.id;
    this.#put([...(more ? [this.#earlier] : []), ...this.#lines(messages)], focused);
    if (follow) this.toEnd();
    else if (grewUp) this.element.scrollTop = this.element.scrollHeight - fromEnd;
    this.#wasAtEnd = follow;
  }

  /** @type {number | undefined} */ #oldest;
  #earlier = h("button", { type: "button", class: "earlier", onclick: () => this.callbacks.earlier() }, "Earlier messages");

  /** @param {Message[]} messages */
  #lines(messages) {
    const lines = [];
    let day = "";
    let by = "";
    for (const message of messages) {
      const today = dayOf(message.time);
      if (today !== day && today) lines.push(this.#day(today));
      const author = message.incoming ? "visitor" : authorOf(message);
      lines.push(this.#message(message, author !== by || today !== day));
      day = today;
      by = author;
    }
    return lines;
  }

  /** @type {Map<string, HTMLElement>} */ #days = new Map();

  /** @param {string} day */
  #day(day) {
    const line = this.#days.get(day) ?? h("p", { class: "day" }, day);
    this.#days.set(day, line);
    return line;
  }

  /** @param {Message} message @param {boolean} turn */
  #message(message, turn) {
    const said = JSON.stringify([{ ...message, state: "", why: "" }, turn]);
    const state = JSON.stringify([message.state, message.why]);
    const known = this.#shown.get(keyOf(message));
    const same = known?.said === said ? known : undefined;
    if (same?.state === state) return same.element;
    const element = this.#drawn(message, turn, same?.element);
    this.#shown.set(keyOf(message), { said, state, element });
    return element;
  }

  /** No message stops another one from being shown. @param {Message} message @param {boolean} turn @param {HTMLElement} [before]  how it stands there, but for its state */
  #drawn(message, turn, before) {
    try {
      return (before && restated(before, message, this.callbacks)) ?? view(message, turn, this.callbacks);
    } catch {
      return plain(message);
    }
  }

  /** Change as little as there is to change, so that focus and selection stay. @param {HTMLElement[]} wanted @param {boolean} focused  whether the focus was here */
  #put(wanted, focused) {
    const wantedLines = new Set(wanted);
    for (const child of [...this.#rows.children]) if (!wantedLines.has(/** @type {any} */ (child))) child.remove();
    wanted.forEach((line, place) => {
      if (this.#rows.children[place] !== line) this.#rows.insertBefore(line, this.#rows.children[place] ?? null);
    });
    // What had the focus is gone.
    if (focused && !this.element.contains(document.activeElement)) this.element.focus({ preventScroll: true });
  }
}

/** @param {Message} message @param {boolean} turn @param {Callbacks} callbacks */
function view(message, turn, callbacks) {
  const guide = !message.incoming && !message.author;
  const kind = ["message", !message.incoming && "ours", guide && "guide", turn && "turn"].filter(Boolean).join(" ");
  const by = message.incoming ? "Visitor" : authorOf(message);
  return h("article", { class: kind, "aria-label": `${by}, ${timeOf(message.time)}` },
    turn && !message.incoming && h("p", { class: "by", dir: "auto" }, by),
    message.text !== "" && h("div", { class: "bubble", dir: "auto" }, ...textNodes(message.text)),
    ...message.attachments.map((one) => attachmentView(one, strings, callbacks.showPicture)),
    message.quick_replies.length > 0 && h("div", { class: "chips", role: "group", "aria-label": "Quick replies" },
      ...message.quick_replies.map((text) => h("span", { class: "chip", dir: "auto" }, text))),
    status(message, callbacks),
  );
}

/**
 * The same message, on its way: a picture that is pressed just now, or a film that plays, stays as it is. Null where
 * there is more to draw.
 *
 * @param {HTMLElement} element
 * @param {Message} message
 * @param {Callbacks} callbacks
 */
function restated(element, message, callbacks) {
  const line = element.querySelector(":scope > .state:not(.odd)");
  line?.replaceWith(status(message, callbacks));
  return line && element;
}

/** All that is readable of a message that cannot be drawn as it should. @param {Message} message */
function plain(message) {
  const read = [message.text, message.attachments, message.quick_replies].flat().filter((one) => one && typeof one === "string");
  return h("article", { class: message.incoming ? "message" : "message ours" },
    h("div", { class: "bubble", dir: "auto" }, read.join("\n") || "…"),
    h("p", { class: "state odd" }, ODD.message));
}

/** @param {Message} message @param {Callbacks} callbacks */
function status(message, callbacks) {
  const time = h("time", { datetime: message.time }, timeOf(message.time));
  if (message.state === "heard") return h("p", { class: "state" }, time);
  return h("p", { class: `state ${message.state}` }, time, icon(MARKS[message.state] ?? "warning"), STATES[message.state], message.why && `: ${message.why}`,
    ...actions(message, callbacks).map(([words, onclick]) => h("button", { type: "button", class: "again", onclick }, words)));
}

/** What can be done about a message that is not on its way. @param {Message} message @param {Callbacks} callbacks @returns {[string, () => void][]} */
function actions({ id, uuid, state }, callbacks) {
  if (state === "failed") return [["Try again", () => callbacks.retry(id)]];
  if (state === "late") return [["Try again", () => callbacks.sendNow()]];
  return state === "refused" ? [["Try again", () => callbacks.resend(uuid)], ["Edit", () => callbacks.edit(uuid)]] : [];
}

/** A reply keeps its place when it becomes a message. @param {Message} message */
function keyOf({ id, uuid }) {
  return String(uuid || id);
}
