/**
 * Which of the widget's languages a visitor gets, and where its words come from.
 */

/** Those that have a file in `words/`. English is in the script. */
const LANGUAGES = ["ar", "en", "es", "fr", "pt", "pt-br", "rw", "sw"];
/** Milliseconds after which a chat begins in English. */
const WORDS_WITHIN = 3_000;

/**
 * The first of the wished languages that the widget speaks, with its region; English if none.
 *
 * @param {readonly (string | null | undefined)[]} wishes  as in `lang` attributes, best first
 */
export function chooseLanguage(wishes) {
  return wishes.find((wish) => wish && LANGUAGES.includes(base(wish))) || "en";
}

/** The language without its region. @param {string} tag */
export function base(tag) {
  return tag.toLowerCase().split(/[-_]/)[0] ?? "";
}

/** The file for that language: of its region, if there is one. @param {string} tag */
function fileFor(tag) {
  const whole = tag.toLowerCase().replaceAll("_", "-");
  return LANGUAGES.includes(whole) ? whole : base(tag);
}

/**
 * The words of that language; none, so that it is English, where they cannot be had in time.
 *
 * @param {string} server
 * @param {string} tag  as `chooseLanguage` gives it
 * @returns {Promise<import("./words.js").Words>}
 */
export function fetchWords(server, tag) {
  // No `signal`: a `fetch` of the page's own, or its service worker, may not heed it.
  const late = new Promise((resolve) => setTimeout(resolve, WORDS_WITHIN, {}));
  return Promise.race([late, askFor(`${server}/wc/widget/words/${fileFor(tag)}.json`)]);
}

/** @param {string} address */
async function askFor(address) {
  try {
    const response = await fetch(address, { credentials: "omit" });
    return response.ok ? await response.json() : {};
  } catch {
    return {};
  }
}
