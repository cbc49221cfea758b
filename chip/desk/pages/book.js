/** What the page knows: conversations and messages by id, whichever way they came. */

/** @typedef {import("./server.js").Conversation} Conversation */
/** @typedef {import("./server.js").Message} Message */

/** The states of a message, in the order in which it goes through them. */
const RANKS = ["queued", "sent", "failed", "delivered"];

export class Book {
  /** @type {Map<number, Conversation>} */ conversations = new Map();
  /** @type {Map<number, Map<number, Message>>} */ #messages = new Map();

  /** Newest activity first. @returns {Conversation[]} */
  get list() {
    return [...this.conversations.values()].sort((one, other) => compare(other.active, one.active) || other.id - one.id);
  }

  get unread() {
    return this.list.reduce((sum, { unread }) => sum + unread, 0);
  }

  /** @param {Conversation} conversation */
  put(conversation) {
    if (isRecord(conversation)) this.conversations.set(conversation.id, conversation);
  }

  /** What the stream says counts. Whether the message is new here. @param {Message} message */
  putMessage(message) {
    if (!isRecord(message)) return false;
    const messages = this.#of(message.conversation);
    const known = messages.has(message.id);
    messages.set(message.id, message);
    return !known;
  }

  /** What a request was answered, which the stream may have overtaken. @param {Message} message */
  putAnswer(message) {
    if (!isRecord(message)) return;
    const known = this.#of(message.conversation).get(message.id);
    if (!known || RANKS.indexOf(message.state) > RANKS.indexOf(known.state)) this.putMessage(message);
  }

  /** A conversation's messages that are known here, oldest first. @param {number} conversation */
  messages(conversation) {
    return [...this.#of(conversation).values()].sort((one, other) => one.id - other.id);
  }

  /** Forget the messages: after a gap nobody knows which are missing. */
  forgetMessages() {
    this.#messages.clear();
  }

  /** @param {number} conversation */
  #of(conversation) {
    const known = this.#messages.get(conversation) ?? new Map();
    this.#messages.set(conversation, known);
    return known;
  }
}

/** What has no number cannot be shown, and stops nothing else from being shown. @param {any} record */
function isRecord(record) {
  return Number.isInteger(record?.id);
}

/** Times as the server writes them: whole, or with a fraction of any length. @param {string} one @param {string} other */
function compare(one, other) {
  const [a = "", b = ""] = [one, other].map((time) => String(time).replace("Z", "").padEnd(27, "."));
  return a < b ? -1 : a > b ? 1 : 0;
}
