/**
 * The server, as the page sees it: requests, and the news, which come by a WebSocket.
 *
 * @typedef {{ id: number, uuid: string, conversation: number, incoming: boolean, text: string, attachments: string[],
 *   quick_replies: string[], origin: string, author: string, state: "heard" | "queued" | "sent" | "delivered" | "failed", time: string }} Message
 * @typedef {{ id: number, name: string, email: string, site: string, online: boolean, answered: boolean, read_only: boolean, unread: number,
 *   active: string, started: string, last: Message | null }} Conversation
 * @typedef {{ guide: boolean }} Settings
 * @typedef {{ conversation?: Conversation, message?: Message, settings?: Settings }} News
 * @typedef {"connecting" | "open" | "lost" | "blocked" | "ended"} Connection  blocked: the server is there, and no WebSocket comes through
 */

const PATIENCE = 40_000; // The server shows every 15 s that it is there.
const OPEN_WITHIN = 10_000;
const SESSION_OVER = 4401;
const IS_A_WEBSOCKET = 426;
const FIRST_WAIT = 500;
const LONGEST_WAIT = 10_000;

/** Milliseconds until what could not be asked for is asked for again: nobody sees that it is missing. */
export const AGAIN = 2000;

/** The server said no, and why. */
export class Refusal extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Whether it may work later: a session that is over can begin again, and a server that is busy has time. @param {unknown} error */
export function mayPass(error) {
  return !(error instanceof Refusal) || error.status >= 500 || [401, 403, 408, 429].includes(error.status);
}

/** Where the desk is served, this file with it. */
const DESK = new URL(".", import.meta.url);

/** Where Chip is. */
export const CHIP = new URL("..", DESK).href.replace(/\/$/, "");

/** Called when an answer says that this browser's session is over. */
let sessionOver = () => {};
/** How often one has come in again: an answer to what was asked before says nothing of the session since. */
let sessions = 0;

/** @param {string} path @param {Record<string, string | number>} [query] @returns {Promise<any>} */
export function get(path, query = {}) {
  const words = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]));
  return ask(`api/${path}?${words}`, {});
}

/** @param {string} path @param {object} body @returns {Promise<any>} */
export function post(path, body) {
  return ask(`api/${path}`, { method: "POST", body: JSON.stringify(body) });
}

/** Come in again, with the token. @param {string} token */
export async function signIn(token) {
  await ask("login", { method: "POST", body: new URLSearchParams({ token }) });
  sessions += 1;
}

/** End this browser's session. */
export async function signOut() {
  await ask("logout", { method: "POST" });
}

/** @param {string} path @param {RequestInit} options */
async function ask(path, options) {
  const mine = sessions;
  const answer = await fetch(new URL(path, DESK), { ...options, headers: { "X-Chip-Desk": "1" }, cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
  const content = await answer.json().catch(() => ({}));
  if (answer.status === 401 && mine === sessions) sessionOver();
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

/** The news of the server. It comes back by itself, and says when everything must be looked at afresh. */
export class Stream {
  /** @type {WebSocket | null} */ #socket = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;
  #wait = FIRST_WAIT;
  #ended = false;
  #blocked = false;

  /**
   * @param {(news: News) => void} heard
   * @param {() => void} afresh  anything may have happened unheard
   * @param {(state: Connection) => void} changed
   */
  constructor(heard, afresh, changed) {
    this.heard = heard;
    this.afresh = afresh;
    this.changed = changed;
    sessionOver = () => this.#end();
    for (const event of ["online", "focus", "pageshow"]) addEventListener(event, () => this.now());
  }

  /** Connect, though the last session may be over. */
  open() {
    this.#ended = false;
    const address = new URL("api/events", DESK);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = new WebSocket(address);
    this.#socket = socket;
    this.#expectLife(socket, OPEN_WITHIN);
    let opened = false;
    socket.addEventListener("open", () => {
      opened = true;
      this.#blocked = false;
      this.#expectLife(socket);
      this.#wait = FIRST_WAIT;
      this.changed("open");
      this.afresh();
    });
    socket.addEventListener("message", (event) => {
      if (socket !== this.#socket) return;
      this.#expectLife(socket);
      const { type, news } = JSON.parse(event.data);
      if (type === "news") this.heard(news);
      if (type === "resync") this.afresh();
    });
    socket.addEventListener("close", ({ code }) => {
      if (code === SESSION_OVER && socket === this.#socket) return this.#end();
      this.#lost(socket);
      // A WebSocket does not say why it was refused.
      if (!opened) get("events").catch((error) => this.#askedWhy(error));
    });
  }

  /** Try at once, if it is waiting to. */
  now() {
    if (this.#socket === null && !this.#ended) this.open();
  }

  /** Without news there is still looking, at each attempt. @param {unknown} error */
  #askedWhy(error) {
    if (this.#ended || !(error instanceof Refusal) || error.status !== IS_A_WEBSOCKET) return;
    this.#blocked = true;
    this.changed("blocked");
    this.afresh();
  }

  /** @param {WebSocket} socket @param {number} [patience]  milliseconds */
  #expectLife(socket, patience = PATIENCE) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#lost(socket), patience);
  }

  /** @param {WebSocket} socket */
  #lost(socket) {
    if (socket !== this.#socket) return;
    this.#drop();
    this.changed(this.#blocked ? "blocked" : "lost");
    this.#timer = setTimeout(() => this.now(), this.#wait * (0.5 + Math.random() / 2));
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
  }

  #end() {
    if (this.#ended) return;
    this.#ended = true;
    this.#drop();
    this.changed("ended");
  }

  #drop() {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }
}
