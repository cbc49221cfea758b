/**
 * The entry: defines `<chip-chat>`, serves `window.Chip`, and hands the script tag to the page.
 */
import { ChipChat } from "./element.js";
import { Page, TAG } from "./page.js";
import { canChat } from "./support.js";

const PATH = "/wc/widget.js";

const script = /** @type {HTMLScriptElement | null} */ (document.currentScript ?? document.querySelector(`script[src*="${PATH}"]`));

// The same script may run in a page again; the first one defines, and knows of all tags.
if (!customElements.get(TAG)) {
  const source = new URL(script?.src || location.href);
  ChipChat.server = source.pathname.endsWith(PATH) ? source.origin + source.pathname.slice(0, -PATH.length) : source.origin;
  const page = (ChipChat.page = new Page(ChipChat.server));
  /** @type {any} */
  const early = /** @type {any} */ (window).Chip;
  /** @type {any} */ (window).Chip = page.calls();
  if (Array.isArray(early)) early.forEach((call) => page.perform(call));
  if (canChat()) customElements.define(TAG, ChipChat);
}

/** @type {typeof ChipChat | undefined} */ (customElements.get(TAG))?.page?.asked(script);
