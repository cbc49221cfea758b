/** How much is unread in all conversations, loaded or not. The server is asked at most once a second. */
import { get } from "./server.js";

const PAUSE = 1_000;

export class Tally {
  #waits = false;
  #again = false;
  #asked = 0;
  /** Which request the last number answers: no earlier one is heard any more. */
  #answered = 0;

  /** @param {(unread: number) => void} counted */
  constructor(counted) {
    this.counted = counted;
  }

  /** Nothing is known, and what comes comes too late. */
  forget() {
    this.#answered = ++this.#asked;
    this.counted(0);
  }

  /** Something may have changed. */
  count() {
    this.#again = this.#waits;
    if (this.#waits) return;
    this.#waits = true;
    setTimeout(() => {
      this.#waits = false;
      if (this.#again) this.count();
    }, PAUSE);
    const mine = ++this.#asked;
    const answered = (/** @type {number} */ unread) => {
      if (mine < this.#answered) return;
      this.#answered = mine;
      this.counted(unread);
    };
    // Without an answer the last number stands, until the connection is back.
    get("unread").then(({ unread }) => answered(unread), () => {});
  }
}
