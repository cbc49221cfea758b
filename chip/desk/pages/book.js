/** What the page knows: conversations and messages by id, whichever way they came. */

/** @typedef {import("./server.js").Conversation} Conversation */
/** @typedef {import("./server.js").Message} Message */

/** The states of a message, in the order in which it goes through them. */
const RANKS = ["queued", "sent", "failed", "delivered"];

/** Conversations of the list that lie together, or that were found. */
class Listed {
  /** @type {Set<number>} */ ids = new Set();
  /** Whether there are more. */
  more = false;
  /** When the last of them was active: news of others are listed if they are newer. */
  since = "";

  /** @param {Conversation[]} page @param {boolean} more */
  add(page, more) {
    for (const { id } of page) this.ids.add(id);
    this.more = more;
    this.since = page.at(-1)?.active ?? "";
  }
}

export class Book {
  /** @type {Map<number, Conversation>} */ conversations = new Map();
  /** @type {Map<number, Map<number, Message>>} */ #messages = new Map();
  /** Messages that the stream has spoken of. @type {Set<number>} */ #heard = new Set();
  /** The first message of each conversation from which on all are known. @type {Map<number, number>} */ #begins = new Map();
  #newest = new Listed();
  /** @type {Listed | null} */ #found = null;

  /** Newest activity first. @returns {Conversation[]} */
  get list() {
    const known = [...this.#shown.ids].flatMap((id) => this.conversations.get(id) ?? []);
    return known.sort((one, other) => compare(other.active, one.active) || other.id - one.id);
  }

  /** How many are listed where nothing is searched for. */
  get listed() {
    return this.#newest.ids.size;
  }

  /** Whether the list goes on. */
  get more() {
    return this.#shown.more;
  }

  get #shown() {
    return this.#found ?? this.#newest;
  }

  /** News of a conversation. Beyond the end of the list it is not listed: those between are not known. @param {Conversation} conversation */
  put(conversation) {
    if (!isRecord(conversation)) return;
    this.conversations.set(conversation.id, conversation);
    if (!this.#newest.more || compare(conversation.active, this.#newest.since) >= 0) this.#newest.ids.add(conversation.id);
  }

  /** The list from its beginning. @param {Conversation[]} conversations @param {boolean} more */
  relist(conversations, more) {
    this.#newest = new Listed();
    this.#newest.add(this.#keep(conversations), more);
  }

  /** What a search has found; without an argument it is over. @param {Conversation[]} [conversations] @param {boolean} [more] */
  find(conversations, more = false) {
    this.#found = conversations ? new Listed() : null;
    if (conversations) this.#found?.add(this.#keep(conversations), more);
  }

  /** The next page of what is listed. @param {Conversation[]} conversations @param {boolean} more */
  continue(conversations, more) {
    this.#shown.add(this.#keep(conversations), more);
  }

  /** An answer, which the stream may have overtaken. @param {Conversation[]} conversations */
  #keep(conversations) {
    const records = conversations.filter(isRecord);
    for (const one of records) {
      const known = this.conversations.get(one.id);
      if (!known || compare(known.active, one.active) <= 0) this.conversations.set(one.id, one);
    }
    return records;
  }

  // Messages.

  /** What the stream says counts. Whether the message is new here. @param {Message} message */
  putMessage(message) {
    if (!isRecord(message)) return false;
    const messages = this.#of(message.conversation);
    const known = messages.has(message.id);
    messages.set(message.id, message);
    this.#heard.add(message.id);
    return !known;
  }

  /** What a request was answered, which the stream may have overtaken. @param {Message} message */
  putAnswer(message) {
    if (!isRecord(message)) return;
    const known = this.#of(message.conversation).get(message.id);
    const overtaken = known && this.#heard.has(message.id) && RANKS.indexOf(message.state) <= RANKS.indexOf(known.state);
    if (!overtaken) this.#of(message.conversation).set(message.id, message);
  }

  /**
   * What the server has of a conversation, without a gap: its end, or what lies before what is known.
   *
   * @param {number} conversation
   * @param {Message[]} messages
   */
  putPage(conversation, messages) {
    messages.forEach((message) => this.putAnswer(message));
    const first = messages.find(isRecord)?.id ?? 0;
    this.#begins.set(conversation, Math.min(this.#begins.get(conversation) ?? Infinity, first));
  }

  /**
   * A conversation's messages, oldest first, as far back as all are known: the stream may have
   * spoken of one from long before, such as a reply that was read only now.
   *
   * @param {number} conversation
   */
  messages(conversation) {
    const begin = this.#begins.get(conversation) ?? Infinity;
    return [...this.#of(conversation).values()].filter(({ id }) => id >= begin).sort((one, other) => one.id - other.id);
  }

  /** After a gap nobody knows which messages are missing: only those of `conversation` stay, to be asked for again. @param {number} conversation */
  doubt(conversation) {
    for (const id of this.#messages.keys()) {
      if (id !== conversation) this.#forget(id);
    }
    this.#heard.clear();
  }

  /** Forget everything. */
  clear() {
    this.conversations.clear();
    this.#messages.clear();
    this.#begins.clear();
    this.#newest = new Listed();
    this.#found = null;
  }

  /** Forget what lies before a gap. @param {number} conversation @param {number} first */
  forgetBefore(conversation, first) {
    for (const id of [...this.#of(conversation).keys()]) if (id < first) this.#of(conversation).delete(id);
    this.#begins.set(conversation, first);
  }

  /** @param {number} conversation */
  #forget(conversation) {
    this.#messages.delete(conversation);
    this.#begins.delete(conversation);
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
