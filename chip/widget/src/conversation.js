/**
 * What was said, each message once and in order, whatever order and however often it came.
 *
 * Owns which two messages are the same, and which comes first. Knows nothing of the socket or of
 * how a message looks. Messages of the server sort by its own clock; the visitor's clock may be
 * hours wrong, so what he wrote follows the newest message of the server known at that moment.
 */
import { later, timeKey } from "./wire.js";

/**
 * @typedef {object} Entry  a message as the page shows it
 * @property {string} key  its own, for as long as the page lives
 * @property {boolean} own  from the visitor
 * @property {string} text
 * @property {string[]} attachments
 * @property {string[]} quickReplies
 * @property {import("./wire.js").User} [user]
 * @property {number} when  milliseconds
 * @property {string} sort
 * @property {"queued" | "sent" | "failed"} state
 * @property {string} [ref]
 * @property {string} [base]
 */

/** Sorts after every time. */
const LAST = "~";
/** Sorts before every time: what was written when the server had said nothing yet. */
const FIRST = "0";

export class Conversation {
  #outbox;
  /** @type {Map<string, Entry>} */
  #entries = new Map();
  /** Every name that a message goes by, to its entry's key. @type {Map<string, string>} */
  #names = new Map();
  /** What of the outbox stands after which time, by `ref`. @type {Map<string, string>} */
  #anchors = new Map();
  #arrivals = 0;

  /** @param {import("./outbox.js").Outbox} outbox */
  constructor(outbox) {
    this.#outbox = outbox;
    this.#settle();
    outbox.on("change", () => this.#settle());
  }

  /** All there is to show, oldest first. @returns {Entry[]} */
  list() {
    // An echo may be faster than the note of another page.
    const own = this.#outbox.items().filter(({ ref }) => !this.#entries.has(`ref ${ref}`)).map(
      /** @returns {Entry} */ (item) => ({
        key: `ref ${item.ref}`, own: true, text: item.text, attachments: [], quickReplies: [], when: item.at,
        sort: (this.#anchors.get(item.ref) ?? "") + LAST + number(item.n),
        state: item.state, ref: item.ref,
      }),
    );
    return [...this.#entries.values(), ...own].sort((a, b) => (a.sort < b.sort ? -1 : a.sort > b.sort ? 1 : 0));
  }

  /** The newest time of the server known here, as a sortable key; "" if none. */
  get newest() {
    let newest = "";
    for (const { sort } of this.#entries.values()) if (!sort.includes(LAST) && sort > newest) newest = sort;
    return newest;
  }

  /**
   * What the site said, live. @param {import("./wire.js").MsgOut} message
   * @returns {Entry | null} null if it is known
   */
  addOut(message) {
    const names = namesOf(message);
    if (this.#known(names)) return null;
    return this.#put(names, {
      key: names[0] ?? `n ${++this.#arrivals}`, own: false, text: message.text ?? "",
      attachments: message.attachments ?? [], quickReplies: (message.quick_replies ?? []).map(String),
      user: message.user, when: Date.parse(message.time) || Date.now(), sort: timeKey(message.time), state: "sent",
    });
  }

  /**
   * What the visitor said on another page, or another device.
   *
   * @param {import("./wire.js").MsgIn} message
   * @param {string} chat
   * @returns {Entry | null} null if it is known
   */
  addEcho(message, chat) {
    const newest = this.newest;
    if (message.ref && this.#outbox.get(message.ref)) {
      this.#outbox.sent(message.ref, newest, chat);
      return null;
    }
    const key = message.ref ? `ref ${message.ref}` : `n ${++this.#arrivals}`;
    if (this.#known([key])) return null;
    return this.#put([key], {
      key, own: true, text: message.text, attachments: message.attachments ?? [], quickReplies: [],
      when: Date.parse(message.time) || Date.now(), sort: (newest || FIRST) + LAST + number(++this.#arrivals), state: "sent",
      ref: message.ref, base: newest,
    });
  }

  /**
   * @param {import("./wire.js").HistoryItem[]} page  newest first
   * @returns {Entry[]} what of the site is new in it, oldest first
   */
  addHistory(page) {
    return [...page].reverse().flatMap(({ msg_in: message, msg_out: answer }) => {
      if (message) this.#addIn(message);
      return (answer && this.addOut(answer)) ?? [];
    });
  }

  /**
   * Forget what is older than a gap that was not bridged. What was echoed before anything else was
   * known has no time yet, and stays.
   *
   * @param {string} oldest  sortable key
   */
  dropBefore(oldest) {
    for (const [key, entry] of this.#entries) if (entry.sort < oldest && entry.base !== "") this.#entries.delete(key);
    for (const [name, key] of this.#names) if (!this.#entries.has(key)) this.#names.delete(name);
  }

  clear() {
    this.#entries.clear();
    this.#names.clear();
  }

  /**
   * What has left the queue gets its place after what is known now, and becomes one with a message
   * that came from the server before anybody knew that it was this one.
   */
  #settle() {
    const { newest } = this;
    for (const item of this.#outbox.items()) {
      const { ref, state, anchor } = item;
      if (state === "queued") this.#anchors.delete(ref);
      else this.#anchors.set(ref, later(anchor, this.#anchors.get(ref) ?? later(newest, FIRST)));
      const twin = item.state === "sent" && this.#twin(item);
      if (twin) {
        twin.ref = ref;
        this.#outbox.found(ref, twin.sort);
        return;
      }
    }
  }

  /** @param {import("./outbox.js").Item} item */
  #twin({ text, base }) {
    return [...this.#entries.values()].find(
      (entry) => entry.own && !entry.ref && entry.base === undefined && entry.sort > base.trim() && entry.text.trim() === text,
    );
  }

  /** @param {import("./wire.js").MsgIn} message */
  #addIn(message) {
    const names = namesOf(message);
    if (this.#known(names)) return;
    const local = this.#localCopy(message);
    this.#put(names, {
      key: local?.key ?? names[0] ?? `n ${++this.#arrivals}`, own: true, text: message.text,
      attachments: message.attachments ?? [], quickReplies: [], when: Date.parse(message.time) || Date.now(),
      sort: timeKey(message.time), state: "sent", ref: local?.ref,
    });
    if (local?.ref) this.#outbox.found(local.ref, timeKey(message.time));
  }

  /**
   * The copy of this message that is shown already: by its `ref`, or, once the server has forgotten
   * that, by its text among what was sent before it. Where no such is known to have arrived, one of
   * which nobody has heard whether it did, if all that was said before it was known when it was sent.
   *
   * @param {import("./wire.js").MsgIn} message
   * @returns {{ key: string, ref?: string } | undefined}
   */
  #localCopy(message) {
    const items = this.#outbox.items().map((item) => ({ key: `ref ${item.ref}`, ...item }));
    const all = [...items, ...this.#entries.values()];
    if (message.ref) return all.find(({ ref }) => ref === message.ref);
    const time = timeKey(message.time);
    const copies = all.filter(({ base, text }) => base !== undefined && base.trim() < time && text.trim() === message.text.trim());
    return copies.find(({ state }) => state === "sent") ?? copies.find(({ base = "" }) => base >= FIRST);
  }

  /** @param {string[]} names */
  #known(names) {
    const key = names.map((name) => this.#names.get(name)).find((known) => known !== undefined);
    if (key === undefined) return false;
    for (const name of names) this.#names.set(name, key);
    return true;
  }

  /** @param {string[]} names @param {Entry} entry */
  #put(names, entry) {
    this.#entries.set(entry.key, entry);
    for (const name of names) this.#names.set(name, entry.key);
    return entry;
  }
}

/** @param {{ id?: number | string, uuid?: string }} message */
function namesOf({ id, uuid }) {
  const names = [];
  if (uuid) names.push(`uuid ${uuid}`);
  if (id !== undefined && id !== "") names.push(id === uuid ? `uuid ${id}` : `id ${id}`);
  return [...new Set(names)];
}

/** @param {number} n */
function number(n) {
  return String(n).padStart(16, "0");
}
