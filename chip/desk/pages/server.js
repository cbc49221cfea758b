/**
 * The server, as the page sees it: requests, and the stream of news.
 *
 * @typedef {{ id: number, uuid: string, conversation: number, incoming: boolean, text: string, attachments: string[],
 *   quick_replies: string[], origin: string, author: string, state: "heard" | "queued" | "sent" | "delivered" | "failed", time: string }} Message
 * @typedef {{ id: number, name: string, email: string, site: string, online: boolean, answered: boolean, read_only: boolean, unread: number,
 *   active: string, started: string, last: Message | null }} Conversation
 * @typedef {{ guide: boolean }} Settings
 * @typedef {{ conversation?: Conversation, message?: Message, settings?: Settings }} News
 * @typedef {"connecting" | "open" | "lost" | "ended"} Connection
 */

const PATIENCE = 40_000; // The server shows every 15 s that it is there.
const FIRST_WAIT = 500;
const LONGEST_WAIT = 10_000;

/** The server said no, and why. */
export class Refusal extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** @param {string} path @param {Record<string, string | number>} [query] @returns {Promise<any>} */
export function get(path, query = {}) {
  const words = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]));
  return ask(`/desk/api/${path}?${words}`, {});
}

/** @param {string} path @param {object} body @returns {Promise<any>} */
export function post(path, body) {
  return ask(path.startsWith("/") ? path : `/desk/api/${path}`, { method: "POST", body: JSON.stringify(body), headers: { "X-Chip-Desk": "1" } });
}

/** @param {string} url @param {RequestInit} options */
async function ask(url, options) {
  const answer = await fetch(url, { ...options, cache: "no-store" });
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refusal(answer.status, content.error ?? answer.statusText);
  return content;
}

/** A name for a reply, so that sending it twice is sending it once. */
export function newUuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (/** @type {number} */ (bytes[6]) & 0x0f) | 0x40;
  bytes[8] = (/** @type {number} */ (bytes[8]) & 0x3f) | 0x80;
  const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** The stream of news. It comes back by itself, and says when everything must be looked at afresh. */
export class Stream {
  /** @type {EventSource | null} */ #source = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;
  #wait = FIRST_WAIT;

  /**
   * @param {(news: News) => void} heard
   * @param {() => void} afresh  anything may have happened unheard
   * @param {(state: Connection) => void} changed
   */
  constructor(heard, afresh, changed) {
    this.heard = heard;
    this.afresh = afresh;
    this.changed = changed;
    for (const event of ["online", "focus", "pageshow"]) addEventListener(event, () => this.now());
  }

  /** Connect. */
  open() {
    this.#source?.close();
    const source = new EventSource("/desk/api/events");
    this.#source = source;
    this.#expectLife(source);
    source.addEventListener("open", () => {
      this.#wait = FIRST_WAIT;
      this.changed("open");
      this.afresh();
    });
    source.addEventListener("pulse", () => this.#expectLife(source));
    source.addEventListener("news", (event) => {
      this.#expectLife(source);
      this.heard(JSON.parse(event.data));
    });
    source.addEventListener("resync", () => this.afresh());
    source.addEventListener("error", () => this.#lost(source));
  }

  /** Try at once, if it is waiting to. */
  now() {
    if (this.#source === null) this.open();
  }

  /** @param {EventSource} source */
  #expectLife(source) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#lost(source), PATIENCE);
  }

  /** @param {EventSource} source */
  async #lost(source) {
    if (source !== this.#source) return;
    source.close();
    this.#source = null;
    clearTimeout(this.#timer);
    this.changed("lost");
    this.#timer = setTimeout(() => this.now(), this.#wait * (0.5 + Math.random() / 2));
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
    // An EventSource does not say why it was refused.
    const refused = await get("conversations", { search: "", before: 0 }).catch((error) => error);
    if (refused instanceof Refusal && (refused.status === 401 || refused.status === 403)) this.#end();
  }

  #end() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
    this.now = () => {};
    this.changed("ended");
  }
}
