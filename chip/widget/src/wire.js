/**
 * The words of Chip's protocol that the widget speaks, as types, and its clock as sortable text.
 */

/**
 * @typedef {{ id?: number, name?: string, email?: string, avatar?: string }} User
 *
 * @typedef {object} MsgOut  what the site says
 * @property {number | string} [id]
 * @property {string} [uuid]
 * @property {string} text
 * @property {string[]} [attachments]  each `content/type:url`
 * @property {string[]} [quick_replies]
 * @property {string} [origin]
 * @property {User} [user]
 * @property {string} time
 *
 * @typedef {object} MsgIn  what the visitor says
 * @property {number} [id]
 * @property {string} text
 * @property {string[]} [attachments]
 * @property {string} time
 * @property {string} [ref]
 *
 * @typedef {{ msg_in?: MsgIn, msg_out?: MsgOut }} HistoryItem  newest first, one of the two
 *
 * @typedef {object} Problem  a command that was not carried out
 * @property {string} code
 * @property {string} [message]  for developers
 * @property {string} [command]
 * @property {string} [ref]
 * @property {number} [retry_after]  seconds
 */

/** A page of history is full with this many; a shorter one is the last, unless it says otherwise. */
export const PAGE = 25;

/** Later than every message, however wrong the visitor's clock is. */
export const FAR_FUTURE = "2999-12-31T23:59:59Z";

/** Before a time: the last that is known, but perhaps not the last there was. Sorts before every time. */
export const UNSURE = " ";

/** The server takes at most this many characters in one message. */
export const MAX_TEXT = 4000;

/** Seconds until a command is tried again when the server did not say, and at most. */
const PATIENCE = 5;
const LONGEST_PAUSE = 300;

/**
 * A time of the server in a form that sorts as text. Its fractions vary in length, which neither
 * plain text nor JavaScript's milliseconds can put in order.
 *
 * @param {string} time  RFC 3339, UTC
 */
export function timeKey(time) {
  const [, seconds, fraction = ""] = /^(.{19})(?:\.(\d+))?Z$/.exec(time) ?? [];
  return (seconds ?? new Date().toISOString().slice(0, 19)) + "." + fraction.padEnd(9, "0");
}

/** @param {string} one @param {string} other  sortable keys */
export function later(one, other) {
  return one > other ? one : other;
}

/**
 * A text as it may be sent: without the characters that no server takes, without blank ends.
 *
 * @param {string} text
 */
export function cleanText(text) {
  const whole = text.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd");
  return whole.replace(/\r\n?/g, "\n").replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, "").trim();
}

/**
 * An identifier that nobody else makes. Not `crypto.randomUUID`, which plain-http pages lack.
 *
 * @returns {string} 20 characters of 0-9 and a-z
 */
export function randomRef() {
  return Array.from(crypto.getRandomValues(new Uint8Array(20)), (byte) => (byte % 36).toString(36)).join("");
}

/** Seconds until a command is tried again. @param {Problem} problem */
export function patienceFor({ retry_after: wish = PATIENCE }) {
  return Math.min(wish, LONGEST_PAUSE);
}
