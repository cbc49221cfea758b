/** What has been read: the end of the open conversation, once it is shown on a visible page. */
import { byId } from "./dom.js";
import { AGAIN, mayPass, post } from "./server.js";

export class Reading {
  #book;
  #log;
  #tally;
  #open = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;

  /**
   * @param {import("./book.js").Book} book
   * @param {import("./log.js").Log} log
   * @param {import("./tally.js").Tally} tally
   * @param {() => void} changed  what is unread
   * @param {(error: unknown) => void} failed
   */
  constructor(book, log, tally, changed, failed) {
    this.#book = book;
    this.#log = log;
    this.#tally = tally;
    this.changed = changed;
    this.failed = failed;
    byId("newer").textContent = "New messages";
    byId("newer").addEventListener("click", () => log.toEnd());
  }

  /** Whatever is shown may be something else. @param {number} id  of the open conversation */
  look(id) {
    this.#open = id;
    const conversation = this.#book.conversations.get(id);
    const last = this.#book.messages(id).at(-1);
    byId("newer").hidden = this.#log.atEnd || !conversation?.unread;
    if (!last || !conversation?.unread || document.hidden || !this.#log.atEnd) return;
    this.#mark(conversation, last.id);
  }

  /** @param {import("./server.js").Conversation} conversation @param {number} last  message of it */
  async #mark(conversation, last) {
    const seen = this.#book.read(conversation);
    this.changed();
    try {
      await post(`conversations/${conversation.id}/read`, { up_to: last });
      this.#tally.count();
    } catch (error) {
      this.failed(error);
      // Unless there is news of it, it is as it was.
      seen.unread = conversation.unread;
      this.changed();
      clearTimeout(this.#timer);
      if (mayPass(error)) this.#timer = setTimeout(() => this.look(this.#open), AGAIN);
    }
  }
}
