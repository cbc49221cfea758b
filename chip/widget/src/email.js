/**
 * The visitor's e-mail: told to the server as soon as there is a chat, and again after every
 * return until the server has it. Nothing of it is stored in the browser.
 */

/** What the server may say otherwise later. */
const PASSING = ["unavailable", "rate_limited", "internal"];

export class Email {
  #tell;
  #timers;
  #email = "";
  #ready = false;
  /** Whether it was told, and what the server knew then. */
  #told = false;
  #before = "";
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
    this.#told = false;
    this.#send();
  }

  /** There is a chat, and the server knows this e-mail of it. @param {string} known */
  begin(known) {
    const another = known && known !== this.#before;
    // Nobody answers that it was taken. Another page's is newer than what was told before.
    if (known === this.#email || (this.#told && another)) this.#email = "";
    this.#before = known;
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
    this.#told = true;
    this.#tell(this.#email);
  }
}
