/**
 * Whose turn it is to start a chat: of all pages of a site, one at a time, or two pages would make
 * two contacts.
 *
 * A page goes on without a turn where there are no locks (plain http), where they are refused
 * (a sandboxed frame, blocked site data), and when its turn is long in coming: a page that stands
 * still, in an `alert()` or a debugger, never ends its own. The risk is a second contact without a
 * conversation. Nothing is shown or sent twice, because the chat id that is stored first counts: a
 * page that is answered later finds it and joins that chat (see `Start`), before it has sent
 * anything.
 */

/** Seconds. */
const WAIT = 5;

export class Turn {
  #name;
  #locks;
  #timers;
  #end = () => {};

  /**
   * @param {string} name
   * @param {LockManager | undefined} locks
   * @param {import("./timers.js").Timers} timers
   */
  constructor(name, locks, timers) {
    this.#name = name;
    this.#locks = locks;
    this.#timers = timers;
  }

  /** Run this when it is our turn, which lasts until `end`. @param {() => void} begin */
  take(begin) {
    if (!this.#locks) return begin();
    const waiting = new AbortController();
    const { signal } = waiting;
    const goOn = () => {
      if (signal.aborted) return;
      this.#timers.drop("turn");
      waiting.abort();
      begin();
    };
    const turn = () => {
      if (signal.aborted) return null;
      const over = new Promise((resolve) => (this.#end = () => resolve(null)));
      goOn();
      return over;
    };
    this.#end = () => {
      this.#timers.drop("turn");
      waiting.abort();
    };
    this.#timers.set("turn", WAIT, goOn);
    return void this.#request(turn, signal).catch(goOn);
  }

  /** Let the next page have its turn, or wait for ours no longer. */
  end() {
    this.#end();
  }

  /** @param {() => Promise<null> | null} turn @param {AbortSignal} signal */
  async #request(turn, signal) {
    await this.#locks?.request(this.#name, { signal }, turn);
  }
}
