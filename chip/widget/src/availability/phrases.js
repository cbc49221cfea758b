/**
 * What this file says, in English: the other languages have it in `words/`. `{time}` and `{day}` are
 * the visitor's own, `{email}` is what he wrote.
 */

/** @type {Record<string, string>} */
export const phrases = {
  available: "Open now",
  away: "We are away",
  back: "Back at {time}",
  backTomorrow: "Back tomorrow at {time}",
  backOn: "Back {day} at {time}",
  usuallyMinutes: "Usually answers in a few minutes",
  usuallyHour: "Usually answers in about an hour",
  usuallyHours: "Usually answers in a few hours",
  usuallyDay: "Usually answers in about a day",
  usuallyDays: "Usually answers in a few days",
  emailAsk: "We are away. Leave your e-mail, and we can reach you.",
  email: "Your e-mail",
  emailLeave: "Leave e-mail",
  emailNo: "No, thanks",
  emailWrong: "Please check this address.",
  emailThanks: "Thank you. We can reach you at {email}.",
};

/**
 * @param {import("../strings.js").Strings} strings
 * @param {string} name
 * @param {Record<string, string>} [values]
 */
export function say(strings, name, values = {}) {
  const said = strings.say(name);
  // What it has no words for, it calls by its name.
  return (said === name ? phrases[name] ?? name : said).replace(/\{(\w+)\}/g, (hole, key) => values[key] ?? hole);
}
