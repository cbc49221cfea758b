/**
 * Finds out which colours the site wishes and gives the style sheet readable ones.
 */
import { cssColour, edgeOn, readableOn, readColour, textOn } from "./colour.js";
import { isDark } from "./theme.js";

const CALM = "#0f766e";

/**
 * @param {HTMLElement} host  where the site says its colour
 * @param {HTMLElement} root  where the style sheet reads it
 * @param {HTMLElement} panel
 */
export function paint(host, root, panel) {
  root.dataset.theme = themeOf(host);
  const wish = (root.dataset.accent = accentOf(host));
  const accent = readColour(wish, root) ?? readColour(CALM, root) ?? [15, 118, 110];
  const style = getComputedStyle(panel);
  const ground = readColour(style.backgroundColor, root) ?? [255, 255, 255];
  const raised = readColour(getComputedStyle(root).getPropertyValue("accent-color"), root) ?? ground;
  for (const [name, colour] of Object.entries({
    "--accent": cssColour(accent),
    "--on-accent": cssColour(textOn(accent)),
    "--accent-ink": cssColour(readableOn(accent, ground)),
    "--accent-on-raised": cssColour(readableOn(accent, raised)),
    "--accent-edge": edgeOn(accent, ground),
  })) {
    root.style.setProperty(name, colour);
  }
}

/**
 * Whether the page wishes something else by now. Pages change many a thing each moment, and painting is
 * far from free.
 *
 * @param {HTMLElement} host
 * @param {HTMLElement} root
 */
export function isStale(host, root) {
  return root.dataset.theme !== themeOf(host) || root.dataset.accent !== accentOf(host);
}

/** @param {HTMLElement} host */
function themeOf(host) {
  return isDark(host) ? "dark" : "light";
}

/** @param {HTMLElement} host */
function accentOf(host) {
  return host.getAttribute("accent") || getComputedStyle(host).getPropertyValue("--chip-accent").trim();
}
