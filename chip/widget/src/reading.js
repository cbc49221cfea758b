/**
 * Which messages of the site the visitor has looked at, on any page.
 */
export class Reading {
  #conversation;
  #notes;

  /**
   * @param {import("./conversation.js").Conversation} conversation
   * @param {import("./notes.js").Notes} notes
   */
  constructor(conversation, notes) {
    this.#conversation = conversation;
    this.#notes = notes;
  }

  /** How many nobody has looked at. */
  get unread() {
    return this.#unseen().length;
  }

  /** The key of the first of them, or "". */
  get firstUnread() {
    return this.#unseen()[0]?.key ?? "";
  }

  /** Everything so far was looked at. @returns {boolean} whether that is news */
  markSeen() {
    const newest = this.#received().at(-1)?.sort ?? "";
    const news = newest > this.#seen;
    if (news) this.#notes.set("seen", newest);
    return news;
  }

  #unseen() {
    const seen = this.#seen;
    return this.#received().filter(({ sort }) => sort > seen);
  }

  get #seen() {
    return this.#notes.get("seen") ?? "";
  }

  #received() {
    return this.#conversation.list().filter(({ own }) => !own);
  }
}
