/** How much is unread in all conversations, loaded or not. The server is asked at most once a second. */
import { get } from "./server.js";

const PAUSE = 1_000;

export class Tally {
  #waits = false;
  #again = false;

  /** @param {(unread: number) => void} counted */
  constructor(counted) {
    this.counted = counted;
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
    // Without an answer the last number stands, until the connection is back.
    get("unread").then(({ unread }) => this.counted(unread), () => {});
  }
}
