/** What the page says: names, times, states. */

/** @typedef {import("./server.js").Conversation} Conversation */
/** @typedef {import("./server.js").Message} Message */

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "short" });
const date = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const longDay = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });

export const STATES = {
  heard: "",
  queued: "On its way",
  sent: "Sent",
  delivered: "Delivered",
  failed: "Not sent",
};

/** @param {Conversation} conversation */
export function nameOf(conversation) {
  return conversation.name || conversation.email || `Visitor ${conversation.id}`;
}

/** One or two letters for a face. @param {Conversation} conversation */
export function initials(conversation) {
  if (!conversation.name && !conversation.email) return String(conversation.id);
  const parts = (conversation.name || conversation.email).split(/[\s.@]+/u).filter(Boolean);
  const letters = conversation.name ? parts.slice(0, 2) : parts.slice(0, 1);
  return letters.map((part) => [...part][0]).join("").toUpperCase();
}

/** @param {Message | null} message */
export function summary(message) {
  if (!message) return "Has opened the chat";
  const said = message.text.trim() || (message.attachments.length ? "Attachment" : "…");
  return message.incoming ? said : `${authorOf(message)}: ${said}`;
}

/** @param {Message} message */
export function authorOf(message) {
  return message.author || "Guide";
}

/** @param {string} time */
export function timeOf(time) {
  return clock.format(new Date(time));
}

/** For a list: the time today, the day this week, else the date. @param {string} time */
export function shortTime(time) {
  const then = new Date(time);
  const days = daysAgo(then);
  if (days === 0) return clock.format(then);
  return days < 7 ? weekday.format(then) : date.format(then);
}

/** @param {string} time */
export function dayOf(time) {
  const then = new Date(time);
  const days = daysAgo(then);
  if (days === 0) return "Today";
  return days === 1 ? "Yesterday" : days < 180 ? longDay.format(then) : date.format(then);
}

/** @param {Date} then */
function daysAgo(then) {
  const midnight = (/** @type {Date} */ day) => new Date(day.getFullYear(), day.getMonth(), day.getDate()).getTime();
  return Math.round((midnight(new Date()) - midnight(then)) / 86_400_000);
}
