/** What the page says: names, times, states. */
import { Strings, midnight } from "./widget/strings.js";
import { Refusal } from "./server.js";

/** @typedef {import("./server.js").Conversation} Conversation */
/** @typedef {import("./server.js").Message} Message */

/** The page is in English; its times are as its reader writes them. */
export const strings = new Strings("en", {}, navigator.languages);
const english = navigator.languages.find((language) => /^en\b/i.test(language)) ?? "en-GB";
const weekday = new Intl.DateTimeFormat(english, { weekday: "short" });
const date = new Intl.DateTimeFormat(english, { day: "numeric", month: "short", year: "numeric" });

export const STATES = {
  heard: "",
  queued: "On its way",
  sent: "Sent",
  delivered: "Delivered",
  failed: "Not sent",
  waiting: "Sending",
  late: "Not sent yet",
  refused: "Not sent",
};

/** Why something did not work, for people. @param {any} error  the server's refusal, or what else went wrong */
export function reason(error) {
  const status = error instanceof Refusal ? error.status : 0;
  if (status === 0) return "Chip cannot be reached.";
  if (status === 401 || status === 403) return "You are not signed in any more.";
  if (status === 404) return "It is not there any more.";
  if (status === 413) return "It is too long.";
  if (status === 429 || status >= 500) return "Chip has too much to do, or trouble of its own.";
  return "Chip does not take it as it is.";
}

/** What to say of a record that is not as it should be: then the others are shown all the same. */
export const ODD = { message: "This message cannot be shown as it is.", conversation: "This conversation cannot be shown as it is." };

/** @param {Conversation} conversation */
export function nameOf(conversation) {
  return conversation.name || conversation.email || `Visitor ${conversation.id}`;
}

/** One or two letters for a face. @param {Conversation} conversation */
export function initials(conversation) {
  if (!conversation.name && !conversation.email) return String(conversation.id);
  const parts = (conversation.name || conversation.email).split(/[\s.@]+/u).filter(Boolean);
  const letters = conversation.name ? parts.slice(0, 2) : parts.slice(0, 1);
  return letters.map((part) => [...part][0]).join("").toUpperCase() || String(conversation.id);
}

/** In one line of a list. @param {Message | null} message */
export function summary(message) {
  if (!message) return "Has opened the chat";
  const said = String(message.text ?? "").slice(0, 300).trim() || (message.attachments?.length ? "Attachment" : "…");
  return message.incoming ? said : `${authorOf(message)}: ${said}`;
}

/** @param {{ author: string }} message */
export function authorOf(message) {
  return message.author || "Guide";
}

// Times are as the server writes them. One that is none is left out.

/** @param {string} time */
export function timeOf(time) {
  const when = Date.parse(time);
  return Number.isNaN(when) ? "" : strings.time(when);
}

/** For a list: the time today, the day this week, else the date. @param {string} time */
export function shortTime(time) {
  const when = Date.parse(time);
  if (Number.isNaN(when)) return "";
  const days = Math.round((midnight(Date.now()) - midnight(when)) / 86_400_000);
  if (days === 0) return strings.time(when);
  return (days > 0 && days < 7 ? weekday : date).format(when);
}

/** @param {string} time */
export function dayOf(time) {
  const when = Date.parse(time);
  return Number.isNaN(when) ? "" : strings.day(when, Date.now());
}
