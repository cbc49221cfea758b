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
import { reasonOf } from "./reason.js";

/** Milliseconds. */
const FIRST_DELAY = 500;
const LAST_DELAY = 30_000;
const PING_EVERY = 20_000;
const REASON_WITHIN = 8_000;
/** Milliseconds that are given at first, and at most: see `patience`. */
const CONNECT_WITHIN = [15_000, 30_000];
const PONG_WITHIN = [8_000, 60_000];
const PONG_WITHIN_WHEN_DOUBTED = [4_000, 60_000];
const MOST_PATIENCE = 8;
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
 * @property {(url: string) => boolean} forbidden  by a policy of the page
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
  /** When the ping was sent that is not answered yet. @type {number | null} */
  #pingedAt = null;
  /**
   * How many times longer than usual to wait. A browser tells of a frame when all of it is there: on
   * a slow line a large one looks like silence, and would be broken off by each attempt to have it.
   * So each silence that broke a line doubles this, and each prompt pong halves it.
   */
  patience = 1;

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

  /** The socket is silent: treat it as gone without waiting for its close. */
  giveUp() {
    this.patience = Math.min(MOST_PATIENCE, this.patience * 2);
    this.#drop();
    this.#lost(GONE);
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
      this.#alive();
      this.#become({ name: "open" });
      if (this.#socket) this.emit("open", null);
    };
    socket.onmessage = (event) => {
      const frame = parseFrame(event.data);
      if (frame?.type === "pong") this.#ponged();
      this.#alive();
      if (frame && frame.type !== "pong") this.emit("frame", frame);
    };
    // Where the page's policy forbids a socket, Chromium tells of an error and no close.
    socket.onclose = socket.onerror = (event) => {
      if (opened && event.type === "error") return;
      this.#drop();
      if (opened) this.#lost(/** @type {CloseEvent} */ (event).code);
      else this.#askWhy();
    };
    this.#wait(this.#within(CONNECT_WITHIN), () => this.giveUp());
    this.#become({ name: "connecting" });
  }

  /** Forget the socket and whatever it may still say. */
  #drop() {
    this.#clear();
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = socket.onerror = null;
    // Closing a dead socket properly can take minutes; nobody waits for it.
    socket.close();
  }

  /** @param {number} code */
  #lost(code) {
    if (code === REPLACED) this.#become({ name: "replaced" });
    else this.#retry([OVERLOADED, TOO_MANY, TOO_MANY_BAD, TOO_SLOW].includes(code) ? AT_LEAST_WHEN_BUSY : 0);
    this.emit("lost", { code });
  }

  /** A handshake has failed. */
  async #askWhy() {
    // Stay "connecting" while asking, with the timer of the answer in place of the handshake's.
    const abort = new AbortController();
    const asking = this.#state;
    this.#wait(REASON_WITHIN, () => {
      abort.abort();
      // A `fetch` of the page's own, or its service worker, may not heed that.
      this.#retry(0);
    });
    const { refused, patience } = await reasonOf(this.#world, this.#url, abort.signal);
    if (this.#state !== asking || this.#socket) return;
    this.#clear();
    if (refused) this.#become({ name: "refused", reason: refused });
    else this.#retry(patience);
  }

  /**
   * Wait with full jitter: everybody who lost the same server comes back at another moment.
   *
   * @param {number} patience  milliseconds that the server asked for; 0 if it did not
   */
  #retry(patience) {
    const most = Math.min(LAST_DELAY, FIRST_DELAY * 2 ** ++this.#failures);
    const delay = Math.max(patience, FIRST_DELAY) + this.#world.random() * (most - FIRST_DELAY);
    this.#wait(delay, () => this.#connect());
    this.#become({ name: "waiting", until: this.#world.now() + delay, busy: patience > 0 });
  }

  /** The server was heard. */
  #alive() {
    this.#wait(PING_EVERY, () => this.#ping(PONG_WITHIN));
  }

  /** @param {number[]} patience */
  #ping(patience) {
    if (this.#pingedAt !== null) return;
    const within = this.#within(patience);
    const now = this.#world.now();
    // Not every browser tells that a socket was closed while the page slept. That one is silent, too.
    this.send({ type: "ping" });
    this.#wait(within, () => {
      if (this.#world.now() < now + within + STOOD_STILL) return this.giveUp();
      // A page that stood still for long has not read what came meanwhile.
      this.#pingedAt = null;
      return this.#ping(PONG_WITHIN_WHEN_DOUBTED);
    });
    this.#pingedAt = now;
  }

  #ponged() {
    const [prompt = 0] = PONG_WITHIN;
    const late = this.#world.now() - (this.#pingedAt ?? -Infinity) >= prompt;
    if (!late) this.patience = Math.max(1, this.patience / 2);
  }

  /** @param {number[]} patience  at first, at most */
  #within([first = 0, most]) {
    return Math.min(first * this.patience, most ?? first);
  }

  /** @param {number} milliseconds @param {() => void} then */
  #wait(milliseconds, then) {
    this.#clear();
    this.#timer = this.#world.later(then, milliseconds);
  }

  #clear() {
    this.#world.cancel(this.#timer);
    this.#timer = null;
    this.#pingedAt = null;
  }

  /** Whoever hears of it may hang up: it comes last. @param {LineState} state */
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
