/**
 * Sends what waits in the outbox: in each conversation one reply after the other, and again until Chip has said
 * what became of it.
 */
import { mayPass, post } from "./server.js";
import { reason } from "./words.js";

const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;

export class Sender {
  #outbox;
  #taken;
  #changed;
  /** @type {Set<number>} */ #busy = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;
  #wait = FIRST_WAIT;
  /** Whether the last attempt had no answer that counts. */
  troubled = false;

  /**
   * @param {import("./outbox.js").Outbox} outbox
   * @param {(message: import("./server.js").Message) => void} taken  Chip has this one
   * @param {() => void} changed
   */
  constructor(outbox, taken, changed) {
    this.#outbox = outbox;
    this.#taken = taken;
    this.#changed = changed;
  }

  /** There is something to send, or a reason to try again. */
  go() {
    clearTimeout(this.#timer);
    for (const { conversation, state } of this.#outbox.replies()) {
      if (state === "waiting" && !this.#busy.has(conversation)) this.#run(conversation);
    }
  }

  /** @param {number} conversation */
  async #run(conversation) {
    this.#busy.add(conversation);
    try {
      for (;;) {
        const reply = this.#outbox.next(conversation);
        if (!reply) return;
        await this.#send(reply);
      }
    } catch {
      this.#later();
    } finally {
      this.#busy.delete(conversation);
    }
  }

  /** Raises what may pass. @param {import("./outbox.js").Reply} reply */
  async #send({ uuid, conversation, author, text, quick_replies: replies, attachments }) {
    try {
      const { message } = await post(`conversations/${conversation}/messages`, { uuid, author, text, quick_replies: replies, attachments });
      // A proxy in between may answer anything.
      if (message?.uuid !== uuid) throw new Error("this is no answer of Chip's");
      this.#taken(message);
      this.#outbox.remove(uuid);
    } catch (error) {
      if (mayPass(error)) throw error;
      this.#outbox.refused(uuid, reason(error));
    }
    this.#wait = FIRST_WAIT;
    this.troubled = false;
    this.#changed();
  }

  #later() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.go(), this.#wait * (0.5 + Math.random() / 2));
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
    this.troubled = true;
    this.#changed();
  }
}
