/**
 * What a developer got wrong, said on the console: once each, in plain words, with what to do.
 *
 * A file of its own: the widget loads it where there may be something to say.
 */
import { phrases as attention } from "../attention/phrases.js";
import { ATTRIBUTES, isPhrase } from "../attributes.js";
import { phrases as availability } from "../availability/phrases.js";
import { en } from "../words.js";

/** All that the chat says and a site may say otherwise. */
const WORDS = Object.keys({ ...en, ...attention, ...availability });
/** More are not worth anybody's time. */
const MOST = 50;
/** @type {Set<string>} */
const given = new Set();

/** What is said of each mistake: one sentence, several, or none where all is right. */
export const SENTENCES = {
  /** Names that mean nothing. @param {string[]} names @param {string} before  what stands before ours there */
  names: (names, before) => `${names.join(", ")} means nothing to the chat, which knows ${ATTRIBUTES.map((name) => before + name).join(", ")}.`,
  /** @param {string} name @param {string} value @param {string[]} choices */
  choice: (name, value, choices) => `${name}="${value}" is none of ${choices.join(", ")}.`,
  /** @param {string} value */
  colour: (value) => `accent="${value}" is no colour of CSS.`,
  /** @param {unknown} source */
  strings: (source) => [...wrongWords(source)],
  /** What a part that reads facts by itself has to say of them. @param {string} sentence */
  fact: (sentence) => sentence,
  /** @param {string} server */
  server: (server) => `server="${server}" is no address, as https://chat.example.org is.`,
  /** @param {string} channel */
  channel: (channel) => `channel="${channel}" is no UUID, as "twistd chip channels" lists them.`,
  noChannel: () => 'there is no channel="…" (without data-): "twistd chip channels" lists them.',
  noChat: () => 'the script tag has no data-channel="…", and the page no <chip-chat channel="…">: there is nothing to show.',
  /** @param {string} first @param {string} second */
  secondTag: (first, second) => `of two script tags, ${second} is left out for ${first}: write <chip-chat channel="…"> for each.`,
  /** @param {unknown} name @param {string[]} calls */
  call: (name, calls) => `there is no call "${name}", but ${calls.join(", ")}.`,
  /** @param {unknown} name @param {string[]} events */
  event: (name, events) => `there is no event "${name}", but ${events.join(", ")}.`,
};

/** @param {keyof typeof SENTENCES} mistake @param {any[]} details */
export function advise(mistake, details) {
  /** @type {(...details: any[]) => string | string[]} */
  const sentences = SENTENCES[mistake];
  for (const sentence of [sentences(...details)].flat()) {
    if (given.has(sentence) || given.size >= MOST) continue;
    given.add(sentence);
    console.warn(`Chip: ${sentence}`);
  }
}

/** @param {unknown} source  JSON of an object, or an object */
function* wrongWords(source) {
  const words = readObject(source);
  if (!words) {
    yield `strings must be JSON of an object, as {"send": "Off it goes"}, not ${source}.`;
    return;
  }
  for (const [name, phrase] of Object.entries(words)) {
    if (!WORDS.includes(name)) yield `strings: ${name} means nothing to the chat, which says ${WORDS.join(", ")}.`;
    else if (!isPhrase(phrase)) yield `strings: ${name} must be a text, or an object of plural forms.`;
  }
}

/** @param {unknown} source @returns {Record<string, unknown> | null} */
function readObject(source) {
  try {
    const read = typeof source === "string" ? JSON.parse(source) : source;
    return typeof read === "object" && !Array.isArray(read) ? read : null;
  } catch {
    return null;
  }
}
