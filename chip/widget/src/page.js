/**
 * What a site has in hand: `window.Chip`, and the element that its script tag asked for.
 *
 * Calls wait for a chat, listeners outlive one, and the tag's element comes back whatever removes
 * it, until `destroy`. Knows elements by their methods only.
 */
import { advise, adviseOnTag } from "./advise.js";
import { ATTRIBUTES, channelOf } from "./attributes.js";
import { listen } from "./dom.js";

export const TAG = "chip-chat";
const CALLS = ["open", "close", "toggle", "send", "setEmail", "destroy"];
const EVENTS = ["ready", "open", "close", "message", "unread", "state", "error"];
/** Calls that may wait for a chat; the oldest is dropped for the newest. */
const WAITING = 100;
/** Milliseconds. A page that removes the element again and again gets it back this often. */
const BACK_AGAIN = 1_000;
/** Milliseconds until a tag without a channel, in a page without an element, is a mistake. */
const CHAT_WITHIN = 10_000;
/** Marks what a tag made: copies of it are none. Turbo leaves them out of the pages it keeps. */
const MARK = "data-turbo-temporary";

/** @typedef {import("./element.js").ChipChat} ChipChat */
/** @typedef {[method: string, ...values: any[]]} Call */

export class Page {
  #server;
  #listeners = new EventTarget();
  /** @type {Call[]} */
  #waiting = [];
  /** Chats that have told to be ready. @type {WeakSet<ChipChat>} */
  #ready = new WeakSet();
  /** @type {HTMLScriptElement | null} */
  #tag = null;
  /** What the tag made. @type {ChipChat | null} */
  #kept = null;
  #back = 0;

  /** @param {string} server  where the script came from */
  constructor(server) {
    this.#server = server;
  }

  /** The chat that the calls mean: the script tag's own, or the first in the page. */
  get #current() {
    return this.#kept ?? /** @type {ChipChat | null} */ (document.querySelector(`${TAG}:defined`));
  }

  /** The object for `window.Chip`. */
  calls() {
    const call = (/** @type {string} */ method) => (/** @type {any[]} */ ...values) => this.perform([method, ...values]);
    const push = (/** @type {Call[]} */ ...calls) => calls.forEach((one) => this.perform(one));
    return Object.assign({ push }, ...[...CALLS, "on"].map((method) => ({ [method]: call(method) })));
  }

  /** @param {Call} call  or whatever a page has put into the list: all of it comes from there */
  perform(call) {
    const [method, ...values] = /** @type {Call} */ ([call].flat());
    if (method === "on") return this.#on(values[0], values[1]);
    if (!CALLS.includes(method)) return advise(this.#server, "call", method, [...CALLS, "on"]);
    const chat = /** @type {any} */ (this.#current);
    if (chat) return chat[method](...values);
    this.#waiting = [...this.#waiting, call].slice(-WAITING);
    return null;
  }

  /** A script tag has run, perhaps not the first. @param {HTMLScriptElement | null} tag */
  asked(tag) {
    const channel = tag?.dataset.channel;
    if (tag) adviseOnTag(this.#server, tag);
    if (!tag || !channel) setTimeout(() => this.#current || advise(this.#server, "noChat"), CHAT_WITHIN);
    else if (document.body) this.#make(tag, channel);
    else addEventListener("DOMContentLoaded", () => this.#make(tag, channel));
  }

  /** An element is in the page. @param {ChipChat} chat */
  came(chat) {
    if (chat !== this.#kept && chat.hasAttribute(MARK)) queueMicrotask(() => chat.destroy());
    else if (chat === this.#current) for (const call of this.#waiting.splice(0)) this.perform(call);
  }

  /** An element is out of the page. @param {ChipChat} chat */
  went(chat) {
    if (chat !== this.#kept) return;
    // Not in this very moment: whoever removes it may be putting it elsewhere.
    if (Date.now() - this.#back > BACK_AGAIN) queueMicrotask(() => this.#bringBack());
    else setTimeout(() => this.#bringBack(), BACK_AGAIN);
  }

  /** An element is no longer wanted. @param {ChipChat} chat */
  ended(chat) {
    if (chat === this.#kept) this.#kept = this.#tag = null;
  }

  /** @param {ChipChat} chat @param {string} name @param {object} detail */
  told(chat, name, detail) {
    if (name === "ready") this.#ready.add(chat);
    if (chat === this.#current) this.#listeners.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /** @param {string} name @param {(detail: any) => void} listener */
  #on(name, listener) {
    if (!EVENTS.includes(name)) advise(this.#server, "event", name, EVENTS);
    const current = this.#current;
    // Whoever asks for "ready" after it happened still wants to know.
    if (name === "ready" && current && this.#ready.has(current)) queueMicrotask(() => listener({}));
    return listen(this.#listeners, name, listener);
  }

  /** @param {HTMLScriptElement} tag @param {string} channel */
  #make(tag, channel) {
    const [last, kept] = [this.#tag, this.#kept];
    const same = (/** @type {string | null | undefined} */ other) => channelOf(other) === channelOf(channel);
    // Of two tags in a page, and of a tag and an element, the first is shown.
    if (kept && last?.isConnected && !same(last.dataset.channel)) {
      advise(this.#server, "secondTag", last.dataset.channel ?? "", channel);
      return;
    }
    if (!kept && others().some((chat) => same(chat.getAttribute("channel")))) return;
    const chat = kept ?? /** @type {ChipChat} */ (document.createElement(TAG));
    for (const name of ATTRIBUTES) {
      const [before, now] = [last?.dataset[name], tag.dataset[name]];
      if (now === undefined && before !== undefined) chat.removeAttribute(name);
      else if (now !== undefined && now !== before) chat.setAttribute(name, now);
    }
    chat.setAttribute(MARK, "");
    this.#tag = tag;
    this.#kept = chat;
    this.#bringBack();
  }

  #bringBack() {
    const chat = this.#kept;
    if (!chat || chat.isConnected) return;
    if (document.body) {
      this.#back = Date.now();
      document.body.append(chat);
      return;
    }
    const observer = new MutationObserver(() => {
      if (!document.body) return;
      observer.disconnect();
      this.#bringBack();
    });
    observer.observe(document, { childList: true, subtree: true });
  }
}

/** The elements in the page that no tag has made. */
function others() {
  return [...document.querySelectorAll(`${TAG}:not([${MARK}])`)];
}
