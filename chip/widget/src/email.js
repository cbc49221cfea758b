/**
 * The visitor's e-mail: told to the server as soon as there is a chat, and again after every
 * return until the server has it. What the visitor has said here gives way to what the server has from
 * another page only once it had its time to arrive. Nothing of it is stored in the browser.
 */

/** Nobody answers that it was taken. A line that stands for so many seconds more has taken it. */
const TAKEN = 90;
/** What the server may say otherwise later. */
const PASSING = ["unavailable", "rate_limited", "internal"];

export class Email {
  #tell;
  #timers;
  #email = "";
  #ready = false;
  /** What the page, the visitor or the server has said it is. */
  known = "";

  /**
   * @param {(email: string) => void} tell
   * @param {import("./timers.js").Timers} timers
   */
  constructor(tell, timers) {
    this.#tell = tell;
    this.#timers = timers;
  }

  /** @param {string} email */
  set(email) {
    this.#email = this.known = email;
    this.#send();
  }

  /** There is a chat, and the server knows this e-mail of it. @param {string} known */
  begin(known) {
    if (known === this.#email) this.#email = "";
    this.known ||= known;
    this.#ready = true;
    this.#send();
  }

  lost() {
    this.#ready = false;
  }

  /** @param {string} code @param {number} patience  seconds */
  refused(code, patience) {
    if (PASSING.includes(code)) this.#timers.set("email", patience, () => this.#send());
    else this.#email = this.known = "";
  }

  #send() {
    if (!this.#ready || !this.#email) return;
    this.#tell(this.#email);
    this.#timers.set("email", TAKEN, () => (this.#email = ""));
  }
}
