/**
 * The line to Chip: one WebSocket at a time, replaced whenever it breaks.
 *
 * Owns when to connect, when a socket counts as dead, why one was refused and how long to wait.
 * Knows nothing of chats or messages, nor of the page but what is handed in.
 *
 *     closed ──start──▶ connecting ──▶ open
 *                        ▲     │        │ broken, silent, or closed by the server
 *            time's up,  │     ▼        ▼
 *            or nudged   └── waiting · replaced (by newer pages) · refused (for good)
 */
import { Emitter } from "./emitter.js";

/** Milliseconds. */
const FIRST_DELAY = 500;
const LAST_DELAY = 30_000;
const CONNECT_WITHIN = 15_000;
const PING_EVERY = 20_000;
const PONG_WITHIN = 8_000;
const PONG_WITHIN_WHEN_DOUBTED = 4_000;
const REASON_WITHIN = 8_000;
const AT_LEAST_WHEN_BUSY = 5_000;
/** Browsers hold the timers of a page in the background back for up to a minute. */
const STOOD_STILL = 65_000;

/** Close codes: the browser's word for no proper close, and Chip's own. */
const GONE = 1006;
const TOO_SLOW = 4008;
const OVERLOADED = 4013;
const TOO_MANY = 4029;
const TOO_MANY_BAD = 4400;
const REPLACED = 4409;

/**
 * @typedef {{ name: "closed" | "connecting" | "open" | "replaced" }
 *   | { name: "waiting", until: number, busy: boolean }
 *   | { name: "refused", reason: string }} LineState
 *
 * @typedef {object} World  what a connection needs from outside
 * @property {(url: string) => WebSocket} socket
 * @property {(url: string, init: RequestInit) => Promise<Response>} fetch
 * @property {() => number} now  milliseconds
 * @property {() => number} random  0 to 1
 * @property {(run: () => void, milliseconds: number) => any} later
 * @property {(timer: any) => void} cancel
 * @property {() => boolean} online  false only if the browser is sure
 */

/** @extends {Emitter<{ state: LineState, open: null, lost: { code: number }, frame: any }>} */
export class Connection extends Emitter {
  #url;
  #world;
  /** @type {LineState} */
  #state = { name: "closed" };
  /** @type {WebSocket | null} */
  #socket = null;
  #failures = 0;
  /** One timer serves all: a socket is awaited, or a ping, or a pong, or the next attempt. */
  #timer = /** @type {any} */ (null);
  #awaitsPong = false;

  /**
   * @param {string} url  `https://…/wc/connect/<channel>`; the socket's own is `wss://…`
   * @param {World} world
   */
  constructor(url, world) {
    super();
    this.#url = url;
    this.#world = world;
  }

  get state() {
    return this.#state;
  }

  /** Connect, and stay connected. */
  start() {
    if (this.#state.name === "closed") this.#connect();
  }

  /** Hang up for good, or until `start`. */
  stop() {
    this.#drop();
    this.#become({ name: "closed" });
  }

  /** Take a fresh socket, now. */
  replace() {
    if (this.#state.name === "closed") return;
    this.#drop();
    this.emit("lost", { code: GONE });
    this.#connect();
  }

  /** The server serves us: count failures from zero again. */
  settled() {
    this.#failures = 0;
  }

  /**
   * Something happened that may have changed the weather: the page was looked at, the network came
   * back. Wait no longer; doubt a socket that seems open.
   *
   * @param {boolean} [insist]  also when the server asked for patience
   */
  nudge(insist = false) {
    const state = this.#state;
    if (state.name === "open") this.#ping(PONG_WITHIN_WHEN_DOUBTED);
    else if (state.name === "waiting" ? insist || !state.busy : state.name !== "closed" && !this.#socket) {
      this.#clear();
      this.#connect();
    }
  }

  /**
   * @param {object} command
   * @returns {boolean} whether it was handed to an open socket
   */
  send(command) {
    if (this.#state.name !== "open" || this.#socket?.readyState !== 1) return false;
    this.#socket.send(JSON.stringify(command));
    return true;
  }

  #connect() {
    let socket;
    try {
      socket = this.#world.socket(this.#url.replace(/^http/, "ws"));
    } catch (error) {
      this.#become({ name: "refused", reason: String(error) });
      return;
    }
    this.#socket = socket;
    let opened = false;
    socket.onopen = () => {
      opened = true;
      this.#become({ name: "open" });
      this.#alive();
      this.emit("open", null);
    };
    socket.onmessage = (event) => {
      this.#alive();
      const frame = parseFrame(event.data);
      if (frame && frame.type !== "pong") this.emit("frame", frame);
    };
    socket.onclose = (event) => {
      this.#drop();
      if (opened) this.#lost(event.code);
      else this.#askWhy();
    };
    this.#become({ name: "connecting" });
    this.#wait(CONNECT_WITHIN, () => this.#giveUp());
  }

  /** Forget the socket and whatever it may still say. */
  #drop() {
    this.#clear();
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    // Closing a dead socket properly can take minutes; nobody waits for it.
    socket.close();
  }

  /** The socket is silent: treat it as gone without waiting for its close. */
  #giveUp() {
    this.#drop();
    this.#lost(GONE);
  }

  /** @param {number} code */
  #lost(code) {
    if (code === REPLACED) this.#become({ name: "replaced" });
    else this.#retry([OVERLOADED, TOO_MANY, TOO_MANY_BAD, TOO_SLOW].includes(code) ? AT_LEAST_WHEN_BUSY : 0);
    this.emit("lost", { code });
  }

  /** A browser hides why a handshake failed; a plain GET of the same address tells. */
  async #askWhy() {
    // Stay "connecting" while asking, with the timer of the answer in place of the handshake's.
    const abort = new AbortController();
    const asking = this.#state;
    this.#wait(REASON_WITHIN, () => {
      abort.abort();
      // A `fetch` of the page's own, or its service worker, may not heed that.
      this.#retry(0);
    });
    const answer = await this.#answer(abort.signal);
    if (this.#state !== asking || this.#socket) return;
    this.#clear();
    const { status, error, retryAfter } = answer;
    if (status === 403 || status === 404 || (status === 400 && error === "no such channel")) {
      this.#become({ name: "refused", reason: error || String(status) });
    } else if (status === 429 || status === 503) {
      this.#retry(Math.max(AT_LEAST_WHEN_BUSY, retryAfter * 1000));
    } else {
      this.#retry(0);
    }
  }

  /** @param {AbortSignal} signal */
  async #answer(signal) {
    let status = 0;
    try {
      const response = await this.#world.fetch(this.#url, { cache: "no-store", credentials: "omit", signal });
      status = response.status;
      const retryAfter = Number(response.headers.get("Retry-After")) || 0;
      const body = await response.json();
      return { status, error: String(body.error ?? ""), retryAfter: Number(body.retry_after) || retryAfter };
    } catch {
      return { status, error: "", retryAfter: 0 };
    }
  }

  /**
   * Wait with full jitter: everybody who lost the same server comes back at another moment.
   *
   * @param {number} patience  milliseconds that the server asked for; 0 if it did not
   */
  #retry(patience) {
    const most = Math.min(LAST_DELAY, FIRST_DELAY * 2 ** ++this.#failures);
    const delay = Math.max(patience, FIRST_DELAY) + this.#world.random() * (most - FIRST_DELAY);
    this.#become({ name: "waiting", until: this.#world.now() + delay, busy: patience > 0 });
    this.#wait(delay, () => this.#connect());
  }

  /** The server was heard. */
  #alive() {
    this.#awaitsPong = false;
    this.#wait(PING_EVERY, () => this.#ping(PONG_WITHIN));
  }

  /** @param {number} within */
  #ping(within) {
    if (this.#awaitsPong) return;
    // Not every browser tells that a socket was closed while the page slept. That one is silent, too.
    this.send({ type: "ping" });
    const due = this.#world.now() + within;
    this.#wait(within, () => {
      if (this.#world.now() < due + STOOD_STILL) return this.#giveUp();
      // A page that stood still for long has not read what came meanwhile.
      this.#awaitsPong = false;
      return this.#ping(PONG_WITHIN_WHEN_DOUBTED);
    });
    this.#awaitsPong = true;
  }

  /** @param {number} milliseconds @param {() => void} then */
  #wait(milliseconds, then) {
    this.#clear();
    this.#timer = this.#world.later(then, milliseconds);
  }

  #clear() {
    if (this.#timer !== null) this.#world.cancel(this.#timer);
    this.#timer = null;
    this.#awaitsPong = false;
  }

  /** @param {LineState} state */
  #become(state) {
    this.#state = state;
    this.emit("state", state);
  }
}

/** @param {unknown} data */
function parseFrame(data) {
  try {
    const frame = JSON.parse(String(data));
    return frame && typeof frame.type === "string" ? frame : null;
  } catch {
    return null;
  }
}
