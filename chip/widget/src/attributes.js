/**
 * What a site may say of a chat, and its own words read from there.
 */
/** Everything that an element, or the script tag after `data-`, may say. */
export const ATTRIBUTES = [
  "channel", "server", "lang", "dir", "accent", "theme", "position", "heading", "subheading", "avatar", "greeting", "launcher", "open", "email", "strings",
  "hours", "zone", "available", "away", "usually", "teaser", "sound",
];

/** A channel, however it was written. @param {string | null | undefined} written */
export function channelOf(written) {
  return (written ?? "").trim().toLowerCase();
}

/**
 * The words of a site's own, without those that are none.
 *
 * @param {unknown} source  an object, or JSON of one
 * @returns {import("./words.js").Words}
 */
export function readWords(source) {
  let words = source;
  try {
    if (typeof words === "string") words = JSON.parse(words);
  } catch {
    return {};
  }
  return Object.fromEntries(Object.entries(words ?? {}).filter(([, phrase]) => isPhrase(phrase)));
}

/** A text, or one for each plural form. @param {any} value */
export function isPhrase(value) {
  const forms = typeof value === "object" && !Array.isArray(value) ? Object.values(value ?? [value]) : [value];
  return forms.every((form) => typeof form === "string");
}
