/**
 * The site's own colour, made readable: WCAG contrast of text on it, and of it on the panel.
 */

/** Contrast that normal text needs. */
const READABLE = 4.5;
/** Contrast that the edge of a button needs. */
const VISIBLE = 3;
/** With less contrast a colour does not show where it ends. */
const DISTINCT = 1.4;

/** @typedef {[number, number, number]} Rgb  0 to 255 */

/**
 * Any colour that the browser understands, as numbers; null if it is none. Not by painting it:
 * browsers that protect their users from being recognised do not tell what was painted.
 *
 * @param {string} colour
 * @param {HTMLElement} probe  an element in the page, whose colour is changed for a moment
 * @returns {Rgb | null}
 */
export function readColour(colour, probe) {
  // Mixed with itself a colour has the same notation, whatever it was written in.
  const mixed = `color-mix(in srgb, ${colour}, ${colour})`;
  const known = [mixed, colour].find((one) => CSS.supports("color", one));
  if (!known) return null;
  probe.style.setProperty("color", known);
  const computed = getComputedStyle(probe).color;
  probe.style.removeProperty("color");
  // "rgb(255, 0, 0)", or "color(srgb 1 0 0)", which may lie outside what screens show.
  const whole = computed.startsWith("rgb") ? 1 : 255;
  const parts = computed.match(/-?\d[\d.]*(?:e-?\d+)?/g) ?? [];
  const [r = 0, g = 0, b = 0] = parts.map((part) => Math.min(255, Math.max(0, Math.round(Number(part) * whole))));
  return [r, g, b];
}

/** @param {Rgb} one @param {Rgb} other  @returns {number} 1 to 21 */
export function contrast(one, other) {
  const ratio = (luminance(one) + 0.05) / (luminance(other) + 0.05);
  return Math.max(ratio, 1 / ratio);
}

/** Black or white, whichever can be read on that. @param {Rgb} ground @returns {Rgb} */
export function textOn(ground) {
  /** @type {Rgb} */
  const white = [255, 255, 255];
  return contrast(white, ground) >= READABLE ? white : [0, 0, 0];
}

/**
 * The colour itself, or as near to it as can be read on that.
 *
 * @param {Rgb} colour
 * @param {Rgb} ground
 * @param {number} [enough]  contrast
 */
export function readableOn(colour, ground, enough = READABLE) {
  const goal = luminance(ground) > 0.18 ? 0 : 255;
  let result = colour;
  for (let step = 1; step <= 20 && contrast(result, ground) < enough; step++) {
    result = /** @type {Rgb} */ (colour.map((part) => Math.round(part + ((goal - part) * step) / 20)));
  }
  return result;
}

/** The edge of an area of that colour: none where it can be told from the ground. @param {Rgb} colour @param {Rgb} ground */
export function edgeOn(colour, ground) {
  return contrast(colour, ground) < DISTINCT ? cssColour(readableOn(colour, ground, VISIBLE)) : "transparent";
}

/** @param {Rgb} colour */
export function cssColour(colour) {
  return `rgb(${colour.join(" ")})`;
}

/** @param {Rgb} colour */
function luminance(colour) {
  const [r = 0, g = 0, b = 0] = colour.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
