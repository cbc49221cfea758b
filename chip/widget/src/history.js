/**
 * Pages of what was said before: the newest ones after every (re)connection, older ones on demand.
 *
 * Owns which page to ask for next and when the conversation has no gap. One question is under way
 * at a time; answers come in order.
 */
import { Emitter } from "./emitter.js";
import { FAR_FUTURE, PAGE, timeKey, UNSURE } from "./wire.js";

/** A longer absence is not bridged page by page: what is older comes again on scrolling up. */
const BRIDGE = 8;
const COMMAND = "get_history";
/** Sorts before every time: of a chat that began here, all is known. */
const NOTHING = "0";

/** @extends {Emitter<{ change: null, news: import("./conversation.js").Entry }>} `news` came while nobody listened */
export class History extends Emitter {
  #conversation;
  #answers;
  #later;
  /** The question under way. @type {{ before: string, toward: "gap" | "past" } | null} */
  #question = null;
  /** The oldest time that is known without a gap, as the server wrote it; null before the first page. @type {string | null} */
  #oldest = null;
  /** Everything up to this time is known, as a sortable key; "" before the first page. */
  #complete = "";
  #pages = 0;
  #again = false;
  /** Whether the server serves the chat, and can answer. */
  #served = false;
  /** Whether the newest page has come since the line did, or there was none to come. */
  #current = false;
  /** Whether there is more before the oldest message known. */
  more = false;
  /** The last question was not answered, and will be asked again. */
  trouble = false;

  /**
   * @param {import("./conversation.js").Conversation} conversation
   * @param {{ answers: import("./answers.js").Answers, later: (run: () => void, seconds: number) => void }} line
   */
  constructor(conversation, { answers, later }) {
    super();
    this.#conversation = conversation;
    this.#answers = answers;
    this.#later = later;
  }

  /** Whether the newest page was ever here. */
  get known() {
    return this.#complete !== "";
  }

  /** Whether somebody waits for what was said before. */
  get loading() {
    return this.#question !== null && (!this.known || this.#question.toward === "past");
  }

  /** The newest time of the server known, as a sortable key; "" while there may be a past that is not. */
  get newest() {
    return this.#conversation.newest || this.#complete;
  }

  /** That, UNSURE while something may have been said since that is not known. */
  get last() {
    return (this.#current ? "" : UNSURE) + this.newest;
  }

  /** Another chat. @param {boolean} past  whether it may have one */
  begin(past) {
    this.#oldest = null;
    this.#complete = past ? "" : NOTHING;
    this.more = false;
    this.#current = !past;
  }

  /** Something may have been missed: fetch from the newest back to what is known. */
  catchUp() {
    this.#served = true;
    if (this.#question) {
      this.#again = true;
      return;
    }
    this.#pages = 0;
    this.#put({ before: FAR_FUTURE, toward: "gap" });
  }

  /** The visitor scrolled up. */
  older() {
    if (this.#served && this.more && !this.#question && this.#oldest) this.#put({ before: this.#oldest, toward: "past" });
  }

  /**
   * @param {import("./wire.js").HistoryItem[]} page  newest first
   * @param {boolean} [more]  whether there are older messages
   */
  received(page, more = page.length >= PAGE) {
    this.#answers.came(COMMAND);
    const question = this.#question;
    if (!question) return;
    this.#question = null;
    this.trouble = false;
    const added = this.#conversation.addHistory(page);
    const news = question.toward === "gap" && this.known ? added.filter(({ sort }) => sort > this.#complete) : [];
    const last = page.at(-1);
    const oldest = (last?.msg_in ?? last?.msg_out)?.time ?? null;
    if (question.toward === "past" || !oldest || !more) this.#reached(oldest, more);
    else this.#bridge(oldest);
    if (question.toward === "gap" && !this.#question) {
      this.#current = true;
      this.#complete = this.newest || NOTHING;
    }
    if (this.#again && !this.#question) {
      this.#again = false;
      this.catchUp();
    }
    this.emit("change", null);
    for (const entry of news) this.emit("news", entry);
  }

  /** The server could not answer now. @param {number} patience  seconds */
  failed(patience) {
    this.#answers.came(COMMAND);
    const question = this.#question;
    if (!question) return;
    this.trouble = true;
    this.#later(() => this.#question === question && this.#put(question), patience);
    this.emit("change", null);
  }

  /** The line is gone, or the chat on it, and with it the answer. */
  lost() {
    this.#answers.came(COMMAND);
    this.#question = null;
    this.#again = this.#served = this.#current = this.trouble = false;
    this.emit("change", null);
  }

  /** @param {string} oldest */
  #bridge(oldest) {
    const key = timeKey(oldest);
    if (key <= this.#complete) return;
    if (this.#complete && ++this.#pages < BRIDGE) return this.#put({ before: oldest, toward: "gap" });
    this.#conversation.dropBefore(key);
    this.#oldest = oldest;
    this.more = true;
  }

  /** @param {string | null} oldest @param {boolean} more */
  #reached(oldest, more) {
    if (oldest !== null && (!this.#oldest || timeKey(oldest) < timeKey(this.#oldest))) this.#oldest = oldest;
    this.more = more;
  }

  /** @param {{ before: string, toward: "gap" | "past" }} question */
  #put(question) {
    this.#question = question;
    this.#answers.ask({ type: COMMAND, before: question.before });
    this.emit("change", null);
  }
}
