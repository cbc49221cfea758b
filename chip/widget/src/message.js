/**
 * One message: an article with who, what and when.
 */
import { attachmentView, attachmentWords, nameAttachment } from "./attachments.js";
import { h, icon } from "./dom.js";
import { face } from "./face.js";
import { isBigEmoji, textNodes } from "./text.js";

/**
 * @typedef {import("./conversation.js").Entry} Entry
 *
 * @typedef {object} Place  where a message stands among others
 * @property {boolean} first  of its sender's run
 * @property {boolean} last
 * @property {boolean} newest  the visitor's newest that was sent
 * @property {boolean} online
 *
 * @typedef {object} Actions
 * @property {(ref: string) => void} retry
 * @property {(ref: string) => void} discard
 * @property {(address: string, name: string) => void} showPicture
 * @property {(text: string) => Promise<(Node | string)[] | null>} style  what is shown for marks, in time
 */

/** At the edge of a word, or around one; of a link what is shown of it. */
const MARKS = /\[([^[\]]+)\]\((?:[^\s()]|\([^\s()]*\))+\)|(?<!\w)[*_]+(?=\S)|(?<=\S)[*_]+(?!\w)|`/g;

/** Who says it. @param {Entry} entry @param {import("./strings.js").Strings} strings */
export function senderName(entry, strings) {
  return entry.own ? strings.say("you") : entry.user?.name || strings.say("agent");
}

/** Whether two messages stand together. @param {Entry | undefined} one @param {Entry} other */
export function sameRun(one, other) {
  return one !== undefined && one.own === other.own && personOf(one) === personOf(other) && Math.abs(other.when - one.when) < 600_000;
}

/** The message in a sentence. @param {Entry} entry @param {import("./strings.js").Strings} strings */
export function messageWords(entry, strings) {
  const parts = [entry.own ? entry.text : entry.text.replace(MARKS, "$1"), ...entry.attachments.map((one) => attachmentWords(one, strings))];
  return `${senderName(entry, strings)}: ${parts.filter(Boolean).join(". ")}`;
}

/**
 * What was said never changes and is built once, so that a sound goes on playing; where it stands
 * and how it fares may change.
 */
export class MessageView {
  element;
  #strings;
  #actions;
  #attachments;
  #standing = "";

  /**
   * @param {Entry} entry
   * @param {import("./strings.js").Strings} strings
   * @param {Actions} actions
   */
  constructor(entry, strings, actions) {
    this.#strings = strings;
    this.#actions = actions;
    const words = h("div", { dir: "auto" }, ...textNodes(entry.text));
    // A visitor's marks are his own.
    if (!entry.own) void actions.style(entry.text).then((styled) => styled && words.replaceChildren(...styled));
    this.element = h(
      "article",
      { part: entry.own ? "message own" : "message" },
      // The text has a direction of its own, the bubble's corners that of the chat.
      entry.text && h("div", { part: "bubble" }, words),
      ...entry.attachments.map((one) => attachmentView(one, strings, actions.showPicture)),
    );
    this.#attachments = entry.attachments;
  }

  /** What it says in other words is written at the next update. @param {import("./strings.js").Strings} strings */
  speak(strings) {
    this.#strings = strings;
    this.#standing = "";
    this.element.querySelectorAll(":scope > .attachment").forEach((view, at) => nameAttachment(/** @type {HTMLElement} */ (view), this.#attachments[at] ?? "", strings));
  }

  /** @param {Entry} entry @param {Place} place */
  update(entry, place) {
    const standing = JSON.stringify([place, entry.state, entry.when]);
    if (standing === this.#standing) return;
    this.#standing = standing;
    const name = senderName(entry, this.#strings);
    const time = this.#strings.time(entry.when);
    // A button that is made anew keeps the focus of the one in its place.
    const buttons = [...this.element.querySelectorAll(".status button")];
    const focused = buttons.findIndex((button) => button.matches(":focus"));
    this.element.querySelectorAll(":scope > :is(.sender, .status)").forEach((old) => old.remove());
    this.element.className = classes(entry, place);
    this.element.setAttribute("aria-label", `${name}, ${time}`);
    if (place.first && !entry.own && entry.user?.name) {
      this.element.prepend(h("div", { part: "sender", "aria-hidden": "true" }, face(name, entry.user.avatar), h("bdi", {}, name)));
    }
    const status = statusView(entry, place, time, this.#strings, this.#actions);
    if (status) this.element.append(status);
    if (focused >= 0) status?.querySelectorAll("button")[focused]?.focus({ preventScroll: true });
  }
}

/** @param {Entry} entry @param {Place} place */
function classes(entry, place) {
  return ["message", entry.own && "own", entry.state, place.first && "first", place.last && "last", isBigEmoji(entry.text) && "emoji"].filter(Boolean).join(" ");
}

/**
 * @param {Entry} entry
 * @param {Place} place
 * @param {string} time
 * @param {import("./strings.js").Strings} strings
 * @param {Actions} actions
 */
function statusView(entry, place, time, strings, actions) {
  const { ref = "", state } = entry;
  if (state === "failed") {
    return h(
      "div",
      { part: "status", class: "trouble" },
      h("span", {}, icon("warning"), strings.say("failed")),
      h("button", { type: "button", onclick: () => actions.retry(ref) }, strings.say("retry")),
      h("button", { type: "button", onclick: () => actions.discard(ref) }, strings.say("discard")),
    );
  }
  if (state === "queued") {
    return h("div", { part: "status" }, icon("clock"), strings.say(place.online ? "sending" : "queued"));
  }
  if (!place.last && !place.newest) return null;
  return h("div", { part: "status" }, h("time", { datetime: new Date(entry.when).toISOString() }, time), place.newest && icon("check"), place.newest && strings.say("sent"));
}

/** @param {Entry} entry */
function personOf({ user }) {
  return user ? `${user.id ?? ""} ${user.email ?? ""} ${user.name ?? ""}` : "";
}
