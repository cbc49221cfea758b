/**
 * Style sheets of shadow trees. Constructed, so that no policy forbids them.
 */
/** Each text once, however many elements wear it. @type {Map<string, CSSStyleSheet>} */
const sheets = new Map();

/** Put it on, unless it is worn already. @param {ShadowRoot} shadow @param {string} css */
export function dress(shadow, css) {
  const sheet = sheets.get(css) ?? new CSSStyleSheet();
  if (!sheets.has(css)) sheet.replaceSync(css);
  sheets.set(css, sheet);
  if (!shadow.adoptedStyleSheets.includes(sheet)) shadow.adoptedStyleSheets = [...shadow.adoptedStyleSheets, sheet];
}
