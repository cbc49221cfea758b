/**
 * Whether a text of the business has marks, and what they mean: that is in a file of its own.
 */
import { dress } from "./dress.js";
import { later } from "./later.js";

/** What `markdown.js` may know. */
const MARKS = /[*_`]|\]\(|^ {0,3}(?:[-•]|\d+\.) /m;

/**
 * What to show instead of the plain text; null where it has no marks or the file cannot be had.
 *
 * @param {string} server
 * @param {ShadowRoot} shadow  where it will be shown
 * @param {string} text
 * @returns {Promise<(Node | string)[] | null>}
 */
export async function styledText(server, shadow, text) {
  if (!MARKS.test(text)) return null;
  const file = await later(server, "markdown");
  if (!file) return null;
  dress(shadow, file.css);
  return file.markdown(text);
}
