/**
 * Which messages of the site the visitor has looked at, on any page.
 */
export class Reading {
  #conversation;
  #notes;
  /** The keys of what came after something newer, and was not looked at since. @type {Set<string>} */
  #late = new Set();

  /**
   * @param {import("./conversation.js").Conversation} conversation
   * @param {import("./notes.js").Notes} notes
   */
  constructor(conversation, notes) {
    this.#conversation = conversation;
    this.#notes = notes;
    notes.on("change", (name) => name === "seen" && this.#late.clear());
  }

  /** How many nobody has looked at. */
  get unread() {
    return this.#unseen().length;
  }

  /** Whether all that is known here is unread: there may be more before it. */
  get allUnread() {
    return this.unread === this.#received().length;
  }

  /** The key of the first of them, or "". */
  get firstUnread() {
    return this.#unseen()[0]?.key ?? "";
  }

  /** That one has just come: it may have been on its way for long. @param {import("./conversation.js").Entry} entry */
  came({ key, sort }) {
    const late = this.#received().some((other) => other.key !== key && other.sort >= sort);
    if (late && !this.#seen.includes(key)) this.#late.add(key);
  }

  /** Everything so far was looked at. @returns {boolean} whether that is news */
  markSeen() {
    const newest = this.#unseen().at(-1)?.sort;
    if (newest === undefined) return false;
    // Another page may hear of this before it has the late ones.
    this.#notes.set("seen", newest > this.#seen ? newest : [this.#seen, ...this.#late].join("~"));
    this.#late.clear();
    return true;
  }

  #unseen() {
    const seen = this.#seen;
    return this.#received().filter(({ key, sort }) => sort > seen || this.#late.has(key));
  }

  get #seen() {
    return this.#notes.get("seen") ?? "";
  }

  #received() {
    return this.#conversation.list().filter(({ own }) => !own);
  }
}
