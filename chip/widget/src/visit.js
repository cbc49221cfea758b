/**
 * A chat in its browser: the storage, the network, the other pages, being put aside and looked at.
 *
 * It lasts as long as any element shows its channel, whatever becomes of the elements: two that
 * name the same channel show the same chat.
 */
import { Chat } from "./chat.js";
import { Connection } from "./connection.js";
import { attempt, Notes } from "./notes.js";

/** @type {import("./connection.js").World} */
const BROWSER = {
  socket: (url) => new WebSocket(url),
  fetch: (url, init) => fetch(url, init),
  now: () => Date.now(),
  random: () => Math.random(),
  later: (run, milliseconds) => setTimeout(run, milliseconds),
  cancel: (timer) => clearTimeout(timer),
  online: () => navigator.onLine,
  forbidden: (url) => forbidden.has(new URL(url).host),
};

/** The hosts that the page's policy keeps from it. @type {Set<string>} */
const forbidden = new Set();
document.addEventListener("securitypolicyviolation", ({ effectiveDirective: directive, blockedURI, disposition }) => {
  if (directive === "connect-src" && disposition === "enforce") forbidden.add(blockedURI.split("/")[2] ?? "");
});

/** @type {Map<string, Visit>} */
const visits = new Map();

/** What cannot be stored outlives the visit, too. @type {Map<string, import("./notes.js").Own>} */
const own = new Map();

/** The chat of that channel, for one more element. @param {string | null} server @param {string} channel */
export function visitOf(server, channel) {
  const url = `${server}/wc/connect/${channel}`;
  const visit = visits.get(url) ?? new Visit(url, channel);
  visits.set(url, visit);
  visit.shown += 1;
  return visit;
}

/** One element less shows it. @param {Visit} visit */
export function leaveVisit(visit) {
  visit.shown -= 1;
  if (visit.shown > 0) return;
  visits.delete(visit.url);
  visit.stop();
}

export class Visit {
  #stopped = new AbortController();
  /** How many elements show it. */
  shown = 0;

  /** @param {string} url  of the connection @param {string} channel */
  constructor(url, channel) {
    this.url = url;
    const notes = new Notes(channel, () => localStorage, own);
    /** What this tab alone remembers. */
    this.session = new Notes(channel, () => sessionStorage, own);
    this.connection = new Connection(url, BROWSER);
    const chat = (this.chat = new Chat({ channel, connection: this.connection, notes, world: BROWSER, locks: attempt(() => navigator.locks) }));
    const { signal } = this.#stopped;
    chat.on("forgotten", () => this.session.names("").forEach((name) => this.session.remove(name)));
    addEventListener("storage", (event) => notes.heard(event), { signal });
    const nudge = () => document.visibilityState === "hidden" || chat.nudge();
    for (const name of ["online", "offline", "focus"]) addEventListener(name, nudge, { signal });
    document.addEventListener("visibilitychange", nudge, { signal });
    // A page with an open socket is not kept for the way back, or wakes with a dead one.
    let wake = () => {};
    addEventListener("pagehide", () => (wake = chat.stop()), { signal });
    addEventListener("pageshow", () => wake(), { signal });
  }

  stop() {
    this.#stopped.abort();
    this.chat.stop();
  }
}
