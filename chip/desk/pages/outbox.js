/**
 * The replies that Chip has not confirmed yet, and the drafts: kept over a reload, and shared by all windows of
 * this browser.
 *
 *     waiting ──confirmed──▶ gone
 *        └──────refused────▶ refused ──try again──▶ waiting
 *
 * Each reply is a note under its own uuid, so that windows never write over each other's. Which of them sends it
 * does not matter: the uuid makes Chip take it once.
 */
import { Emitter } from "./widget/emitter.js";

const REPLY = "reply:";
const DRAFT = "draft:";
const DAY = 86_400_000;
/** Replies and drafts that are kept; then nothing more is taken, and the oldest draft is forgotten. */
const MOST_REPLIES = 50;
const MOST_DRAFTS = 50;

/**
 * @typedef {import("./composer.js").Draft} Draft
 *
 * @typedef {object} Words  what is sent
 * @property {string} uuid
 * @property {number} conversation
 * @property {string} author
 * @property {number} at  when it was written, in milliseconds
 * @property {number} n  rises from reply to reply
 * @property {"waiting" | "refused"} state
 * @property {string} why  it was refused
 *
 * @typedef {Words & Draft} Reply
 *
 * @typedef {import("./server.js").Message} Message
 * @typedef {Omit<Message, "state"> & { state: Message["state"] | "waiting" | "late" | "refused", why?: string }} Shown
 */

/** @extends {Emitter<{ change: null }>} */
export class Outbox extends Emitter {
  #notes;
  /** @type {Map<string, Reply>} */ #replies = new Map();

  /** @param {import("./widget/notes.js").Notes} notes */
  constructor(notes) {
    super();
    this.#notes = notes;
    for (const name of notes.names(REPLY)) this.#read(name);
    notes.on("change", (name) => {
      if (!name.startsWith(REPLY)) return;
      this.#read(name);
      this.emit("change", null);
    });
  }

  /** In the order in which they were written. */
  replies() {
    return [...this.#replies.values()].sort((one, other) => one.n - other.n || (one.uuid < other.uuid ? -1 : 1));
  }

  /** Those of one conversation. @param {number} conversation */
  of(conversation) {
    return this.replies().filter((reply) => reply.conversation === conversation);
  }

  /** The one that is to be sent now. After a day somebody should look whether a reply still fits. @param {number} conversation */
  next(conversation) {
    const waiting = this.of(conversation).filter(({ state }) => state === "waiting");
    for (const { at, uuid } of waiting) if (Date.now() - at > DAY) this.refused(uuid, "It has waited for over a day.");
    return waiting.find(({ at }) => Date.now() - at <= DAY);
  }

  /** Whether nobody would lose words by leaving. */
  get isEmpty() {
    return !this.#replies.size && !this.#notes.names(DRAFT).length;
  }

  get isFull() {
    return this.#replies.size >= MOST_REPLIES;
  }

  /** @param {string} uuid @param {number} conversation @param {string} author @param {Draft} draft */
  add(uuid, conversation, author, draft) {
    this.#write({ ...draft, uuid, conversation, author, at: Date.now(), n: this.#next(), state: "waiting", why: "" });
  }

  /** Chip will not take it as it is. @param {string} uuid @param {string} why */
  refused(uuid, why) {
    const reply = this.#replies.get(uuid);
    if (reply) this.#write({ ...reply, state: "refused", why });
  }

  /** Back among those that wait, at their end. @param {string} uuid */
  retry(uuid) {
    const reply = this.#replies.get(uuid);
    if (reply?.state === "refused") this.#write({ ...reply, state: "waiting", why: "", at: Date.now(), n: this.#next() });
  }

  /** Chip has it, or it is taken back. @param {string} uuid @returns {Reply | undefined} */
  remove(uuid) {
    const reply = this.#replies.get(uuid);
    if (!reply) return undefined;
    this.#replies.delete(uuid);
    this.#notes.remove(REPLY + uuid);
    this.emit("change", null);
    return reply;
  }

  // Drafts.

  /** @param {number} conversation @returns {Draft | null} */
  draft(conversation) {
    return parsed(this.#notes.get(DRAFT + conversation));
  }

  /** @param {number} conversation @param {Draft} draft */
  keepDraft(conversation, draft) {
    if (!draft.text && !draft.quick_replies.length && !draft.attachments.length) return this.#notes.remove(DRAFT + conversation);
    this.#notes.set(DRAFT + conversation, JSON.stringify({ ...draft, at: Date.now() }));
    const names = this.#notes.names(DRAFT);
    if (names.length <= MOST_DRAFTS) return;
    const [oldest = ""] = names.sort((one, other) => this.#age(one) - this.#age(other));
    this.#notes.remove(oldest);
  }

  /** Whoever leaves the desk leaves nothing behind. */
  forget() {
    for (const name of this.#notes.names("")) this.#notes.remove(name);
    this.#replies.clear();
    this.emit("change", null);
  }

  /** @param {string} name */
  #age(name) {
    return Number(parsed(this.#notes.get(name))?.at) || 0;
  }

  #next() {
    return Math.max(Date.now(), ...[...this.#replies.values()].map(({ n }) => n + 1));
  }

  /** @param {Reply} reply */
  #write(reply) {
    this.#replies.set(reply.uuid, reply);
    this.#notes.set(REPLY + reply.uuid, JSON.stringify(reply));
    this.emit("change", null);
  }

  /** @param {string} name */
  #read(name) {
    const uuid = name.slice(REPLY.length);
    const reply = parsed(this.#notes.get(name));
    if (reply?.uuid === uuid && Number.isInteger(reply.conversation) && Number.isFinite(reply.at)) this.#replies.set(uuid, reply);
    else this.#replies.delete(uuid);
  }
}

/** What a note says; anything else in its place is as good as nothing. @param {string | null} note @returns {any} */
function parsed(note) {
  try {
    const { text, quick_replies: replies, attachments, ...more } = JSON.parse(note ?? "");
    return { ...more, text: String(text), quick_replies: [...replies].map(String), attachments: [...attachments].map(String) };
  } catch {
    return null;
  }
}

/** A reply as the log shows it. @param {Reply} reply @param {boolean} late  whether an attempt to send it has failed @returns {Shown} */
export function asMessage({ uuid, conversation, author, at, state, why, text, quick_replies: replies, attachments }, late) {
  return {
    id: 0, uuid, conversation, incoming: false, origin: "chat", author: author || "Support", text, quick_replies: replies,
    attachments: attachments.map((url) => `application/octet-stream:${url}`),
    state: state === "waiting" && late ? "late" : state, why, time: new Date(at).toISOString(),
  };
}
