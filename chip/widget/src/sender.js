/**
 * Sends what waits in the outbox, one message after the other.
 *
 * Owns which message is under way and whether the server asked for a pause. One at a time keeps
 * their order, also when the server refuses one for a while.
 */

/** A message on which the server stumbles by its own fault is tried this often. */
const TRIES = 3;
/** A socket closed with these did not like what was being sent. */
const UNREADABLE = [1007, 1009];

/**
 * @typedef {object} Line
 * @property {import("./answers.js").Answers} answers
 * @property {{ readonly newest: string, readonly last: string }} history  the newest time of the server known, as
 *   a sortable key; and the same, UNSURE if something may have been said since that is not known
 * @property {() => number} now  milliseconds
 * @property {import("./timers.js").Timers} timers
 * @property {() => void} changed
 */

export class Sender {
  #outbox;
  #line;
  /** The chat that takes messages now; "" while there is no line. */
  #chat = "";
  /** @type {string | null} */
  #underWay = null;
  /** Whether the one under way never was before. */
  #first = false;
  #stumbles = 0;
  /** Milliseconds; null if nothing stands in the way. @type {number | null} */
  pausedUntil = null;

  /**
   * @param {import("./outbox.js").Outbox} outbox
   * @param {Line} line
   */
  constructor(outbox, line) {
    this.#outbox = outbox;
    this.#line = line;
    outbox.on("change", () => this.#next());
  }

  /** The server is ready for this chat. @param {string} chat */
  begin(chat) {
    this.#chat = chat;
    this.#underWay = null;
    this.#outbox.keepOnly(chat);
    this.resume();
  }

  /** The line is gone, and nobody knows what came of the message under way: it goes out again. @param {number} code */
  lost(code) {
    if (this.#underWay && UNREADABLE.includes(code)) this.#outbox.failed(this.#underWay, this.#line.history.newest);
    this.#chat = "";
    this.#underWay = this.pausedUntil = null;
  }

  /** No pause any more. */
  resume() {
    this.#line.timers.drop("pause");
    this.pausedUntil = null;
    this.#next();
    this.#line.changed();
  }

  /** @param {string} ref */
  accepted(ref) {
    this.#stumbles = 0;
    this.#landed(ref);
    this.#outbox.sent(ref, this.#line.history.newest, this.#chat);
    this.#next();
  }

  /**
   * The server did not take a message.
   *
   * @param {import("./wire.js").Problem} problem
   * @param {number} patience  seconds
   */
  refused({ code, ref, command }, patience) {
    const message = ref ?? (command === "send_msg" || code === "invalid_json" ? this.#underWay : null);
    if (!message) return;
    this.#landed(message);
    const untaken = code === "unavailable" || code === "rate_limited";
    if (untaken || (code === "internal" && ++this.#stumbles < TRIES)) {
      this.pausedUntil = this.#line.now() + patience * 1000;
      this.#line.timers.set("pause", patience, () => this.resume());
      // What was in doubt before stays so: the server may say this before it looks whether it has it.
      if (untaken && this.#first) this.#outbox.untaken(message);
    } else {
      this.#stumbles = 0;
      this.#outbox.failed(message, this.#line.history.newest);
      this.#next();
    }
    this.#line.changed();
  }

  #next() {
    if (!this.#chat || this.#underWay || this.pausedUntil !== null) return;
    const next = this.#outbox.next();
    if (!next) return;
    this.#underWay = next.ref;
    this.#first = !next.base;
    this.#outbox.sending(next.ref, this.#line.history.last);
    this.#line.answers.ask({ type: "send_msg", text: next.text, ref: next.ref });
  }

  /** @param {string} ref */
  #landed(ref) {
    if (this.#underWay !== ref) return;
    this.#underWay = null;
    this.#line.answers.came("send_msg");
  }
}
