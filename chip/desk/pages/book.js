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
  #moment = 0;
  /** Since which moment each conversation is known as it is. @type {Map<number, number>} */ #asOf = new Map();

  /** Something is asked for. The moment goes with the answer, which what has come since has overtaken. */
  ask() {
    return ++this.#moment;
  }

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

  /**
   * A conversation, from the stream or as an answer. Beyond the end of the list it is not listed: those between are
   * not known.
   *
   * @param {Conversation} conversation
   * @param {number} [moment]
   */
  put(conversation, moment = this.ask()) {
    if (!isRecord(conversation)) return;
    this.#take(conversation, moment);
    if (!this.#newest.more || compare(conversation.active, this.#newest.since) >= 0) this.#newest.ids.add(conversation.id);
  }

  /** Its messages have been seen: what is known of it from now on. @param {Conversation} conversation */
  read(conversation) {
    const seen = { ...conversation, unread: 0 };
    this.#take(seen, this.ask());
    return seen;
  }

  /** The list from its beginning. @param {Conversation[]} conversations @param {boolean} more @param {number} moment */
  relist(conversations, more, moment) {
    const since = [...this.#newest.ids].filter((id) => (this.#asOf.get(id) ?? 0) > moment);
    this.#newest = new Listed();
    this.#newest.add(this.#keep(conversations, moment), more);
    for (const id of since) this.#newest.ids.add(id);
  }

  /** What a search has found. @param {Conversation[]} conversations @param {boolean} more @param {number} moment */
  find(conversations, more, moment) {
    this.#found = new Listed();
    this.#found.add(this.#keep(conversations, moment), more);
  }

  /** Nothing is searched for. */
  findAll() {
    this.#found = null;
  }

  /** The next page of what is listed. @param {Conversation[]} conversations @param {boolean} more @param {number} moment */
  continue(conversations, more, moment) {
    this.#shown.add(this.#keep(conversations, moment), more);
  }

  /** @param {Conversation[]} conversations @param {number} moment */
  #keep(conversations, moment) {
    const records = conversations.filter(isRecord);
    for (const one of records) this.#take(one, moment);
    return records;
  }

  /** @param {Conversation} conversation @param {number} moment */
  #take(conversation, moment) {
    if ((this.#asOf.get(conversation.id) ?? 0) > moment) return;
    this.#asOf.set(conversation.id, moment);
    this.conversations.set(conversation.id, conversation);
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
    this.#asOf.clear();
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
