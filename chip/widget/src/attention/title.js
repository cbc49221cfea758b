/**
 * The page's title while something waits.
 */

/** What the page calls itself. */
let plain = "";
/** What it is called because of us. @type {string | null} */
let marked = null;

/** @param {string} words  before the page's own title */
export function markTitle(words) {
  // The page may have changed it meanwhile.
  if (document.title !== marked) plain = document.title;
  document.title = [words, plain].filter(Boolean).join(" · ");
  // As the browser gives it back, with its blanks put in order.
  marked = document.title;
}

/** The page's own again; one that it has given itself meanwhile stays. */
export function unmarkTitle() {
  if (document.title === marked) document.title = plain;
  marked = null;
}
