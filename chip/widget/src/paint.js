/**
 * Finds out which colours the site wishes and gives the style sheet readable ones.
 */
import { cssColour, readableOn, readColour, textOn } from "./colour.js";

const CALM = "#0f766e";

/**
 * @param {HTMLElement} host  where the site says its colour
 * @param {HTMLElement} root  where the style sheet reads it
 * @param {HTMLElement} panel
 */
export function paint(host, root, panel) {
  const wish = host.getAttribute("accent") || getComputedStyle(host).getPropertyValue("--chip-accent").trim();
  const accent = readColour(wish, root) ?? readColour(CALM, root) ?? [15, 118, 110];
  const style = getComputedStyle(panel);
  const ground = readColour(style.backgroundColor, root) ?? [255, 255, 255];
  const raised = readColour(getComputedStyle(root).getPropertyValue("accent-color"), root) ?? ground;
  for (const [name, colour] of Object.entries({
    "--accent": accent,
    "--on-accent": textOn(accent),
    "--accent-ink": readableOn(accent, ground),
    "--accent-on-raised": readableOn(accent, raised),
  })) {
    root.style.setProperty(name, cssColour(colour));
  }
}
