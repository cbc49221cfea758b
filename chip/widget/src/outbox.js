/**
 * What the visitor wrote and the conversation does not have from the server yet.
 *
 * Each message is a note of its own, so that pages of the same site share them without ever
 * writing over each other. Which page sends a message does not matter: its `ref` makes the server
 * take it once.
 *
 *     queued ──accepted──▶ sent ──seen in history──▶ gone
 *        └────refused────▶ failed ──retry──▶ queued
 */
import { Emitter } from "./emitter.js";
import { attempt } from "./notes.js";
import { later, randomRef, UNSURE } from "./wire.js";

const PREFIX = "out:";
const HOUR = 3_600_000;
/** The server knows a `ref` this long; sending again later could double the message. */
const QUEUED_FOR = 72 * HOUR;
/** By now the server has passed it on, or has said that it could not. */
const SENT_FOR = 96 * HOUR;

/**
 * @typedef {object} Item
 * @property {string} ref
 * @property {string} text
 * @property {number} at  when it was written, by the visitor's clock
 * @property {number} n  rises from message to message
 * @property {"queued" | "sent" | "failed"} state
 * @property {string} base  what the server has of it is newer than this time: the newest one known when it
 *   was first sent, or that of the message before it; UNSURE where an equal text that is newer may well be
 *   another one; "" if it was not sent, or the server has said that it does not have it
 * @property {string} anchor  the newest time of the server known when it left the queue
 * @property {string} chat  the chat that took it
 */

/** @extends {Emitter<{ change: null }>} */
export class Outbox extends Emitter {
  #notes;
  #now;
  /** @type {Map<string, Item>} */
  #items = new Map();

  /**
   * @param {import("./notes.js").Notes} notes
   * @param {() => number} now
   */
  constructor(notes, now) {
    super();
    this.#notes = notes;
    this.#now = now;
    this.recall();
    notes.on("change", (name) => {
      if (!name.startsWith(PREFIX)) return;
      this.#read(name);
      this.emit("change", null);
    });
  }

  /** Have what the notes say, whatever was here. */
  recall() {
    this.#items.clear();
    for (const name of this.#notes.names(PREFIX)) this.#read(name);
    for (const { ref, state, at } of this.items()) if (state === "sent" && this.#now() - at > SENT_FOR) this.remove(ref);
    this.emit("change", null);
  }

  /** In the order in which they were written. @returns {Item[]} */
  items() {
    return [...this.#items.values()].map((item) => this.#aged(item)).sort((a, b) => a.n - b.n || (a.ref < b.ref ? -1 : 1));
  }

  /** @param {string} ref */
  get(ref) {
    return this.#items.get(ref);
  }

  /** The message to be sent next. */
  next() {
    return this.items().find((item) => item.state === "queued");
  }

  /** @param {string} text */
  add(text) {
    return this.#write({
      ref: randomRef(), text, at: this.#now(), n: this.#nextNumber(), state: "queued", base: "", anchor: "", chat: "",
    });
  }

  /**
   * It is about to go out.
   *
   * @param {string} ref
   * @param {string} last  the newest time of the server known, UNSURE if there may be a newer one
   */
  sending(ref, last) {
    const item = this.#items.get(ref);
    if (item && !item.base) this.#write({ ...item, base: last });
  }

  /** The server has most likely not taken it, and will later. @param {string} ref */
  untaken(ref) {
    const item = this.#items.get(ref);
    if (item?.state === "queued") this.#write({ ...item, base: UNSURE + item.base.trim() });
  }

  /** The server has it. @param {string} ref @param {string} newest @param {string} chat */
  sent(ref, newest, chat) {
    const item = this.#items.get(ref);
    if (item && item.state !== "sent") this.#write({ ...item, state: "sent", anchor: newest, chat });
  }

  /** The server will never take it. @param {string} ref @param {string} newest */
  failed(ref, newest) {
    const item = this.#items.get(ref);
    if (item) this.#write({ ...item, state: "failed", base: "", anchor: item.anchor || newest });
  }

  /** Back into the queue, at its end. @param {string} ref */
  retry(ref) {
    const item = this.items().find((one) => one.ref === ref);
    if (item?.state === "failed") this.#write({ ...item, state: "queued", at: this.#now(), n: this.#nextNumber(), anchor: "" });
  }

  /**
   * The history has it. What was written after it came later, however little else is known.
   *
   * @param {string} ref
   * @param {string} time  sortable key
   */
  found(ref, time) {
    const { n } = this.#items.get(ref) ?? { n: Infinity };
    for (const { ref: other } of this.items()) {
      // What is told of one change may have taken the next one away.
      const item = this.#items.get(other);
      if (!item || item.n <= n) continue;
      const anchor = item.state === "queued" ? item.anchor : later(item.anchor, time);
      const base = item.base >= "0" ? later(item.base, time) : item.base;
      if (anchor !== item.anchor || base !== item.base) this.#write({ ...item, anchor, base });
    }
    this.remove(ref);
  }

  /** @param {string} ref */
  remove(ref) {
    this.#items.delete(ref);
    this.#notes.remove(PREFIX + ref);
    this.emit("change", null);
  }

  clear() {
    for (const { ref } of this.items()) this.remove(ref);
  }

  /** What another chat took is no part of this one. @param {string} chat */
  keepOnly(chat) {
    for (const item of this.items()) if (item.state === "sent" && item.chat !== chat) this.remove(item.ref);
  }

  #nextNumber() {
    return Math.max(this.#now(), ...[...this.#items.values()].map((item) => item.n + 1));
  }

  /** @param {Item} item */
  #write(item) {
    this.#items.set(item.ref, item);
    this.#notes.set(PREFIX + item.ref, JSON.stringify(item));
    this.emit("change", null);
    return item;
  }

  /** @param {string} name */
  #read(name) {
    const ref = name.slice(PREFIX.length);
    const before = this.#items.get(ref);
    const item = parseItem(this.#notes.get(name));
    if (item?.ref === ref) this.#items.set(ref, item);
    else if (!before || this.#aged(before).state === "failed") this.#items.delete(ref);
    // Another page has seen it in history. This one has not, and goes on showing it.
    else this.#items.set(ref, { ...before, state: "sent", anchor: before.anchor || before.base.trim() });
  }

  /** As it is by now, also on a page that slept. @param {Item} item @returns {Item} */
  #aged(item) {
    return item.state === "queued" && this.#now() - item.at > QUEUED_FOR ? { ...item, state: "failed" } : item;
  }
}

/** @param {string | null} note @returns {Item | null} */
function parseItem(note) {
  const item = attempt(() => JSON.parse(note ?? "null"));
  return typeof item?.text === "string" && Number.isFinite(item.at + item.n) ? item : null;
}
