/**
 * How a chat starts, or the known one is resumed: whose turn it is, under which id, and when to ask
 * again.
 */
import { Turn } from "./turn.js";

export class Start {
  #notes;
  #timers;
  #now;
  #answers;
  #turn;
  /** The chat id in the `start_chat` under way. @type {string | null} */
  #asked = null;
  /** The server cannot start the chat before, in milliseconds. @type {number | null} */
  pausedUntil = null;

  /**
   * @param {object} parts
   * @param {string} parts.channel
   * @param {import("./notes.js").Notes} parts.notes
   * @param {import("./answers.js").Answers} parts.answers
   * @param {import("./timers.js").Timers} parts.timers
   * @param {() => number} parts.now  milliseconds
   * @param {LockManager} [parts.locks]
   */
  constructor({ channel, notes, answers, timers, now, locks }) {
    this.#notes = notes;
    this.#timers = timers;
    this.#now = now;
    this.#answers = answers;
    this.#turn = new Turn(`chip:start:${channel}`, locks, timers);
  }

  /** Connect now, or when it is our turn to start a chat. @param {() => void} connect */
  when(connect) {
    if (this.#notes.get("chat")) connect();
    else this.#turn.take(connect);
  }

  /** There is a line: ask for the chat, on it. */
  begin() {
    this.#timers.drop("start");
    this.pausedUntil = null;
    this.#asked = this.#notes.get("chat");
    this.#answers.ask(this.#asked ? { type: "start_chat", chat_id: this.#asked } : { type: "start_chat" });
  }

  /**
   * The server has made a chat.
   *
   * @param {string} id
   * @returns {boolean} false if another page was first: this chat never was
   */
  started(id) {
    const known = this.#notes.get("chat");
    if (known && known !== this.#asked && known !== id) return false;
    this.#notes.set("chat", id);
    return true;
  }

  /** The server serves the chat. */
  done() {
    this.#answers.came("start_chat");
    this.over();
  }

  /** The server cannot start it now. @param {number} patience  seconds @param {() => void} again */
  refused(patience, again) {
    this.#answers.came("start_chat");
    this.pausedUntil = this.#now() + patience * 1000;
    this.#timers.set("start", patience, again);
  }

  /** There is no line any more to ask on. */
  lost() {
    this.pausedUntil = null;
  }

  /** Nothing is left to start, or nobody wants it: it is the next page's turn. */
  over() {
    this.#turn.end();
  }
}
