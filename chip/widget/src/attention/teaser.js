/**
 * A small bubble beside the closed launcher: what the site has to say to whoever comes anew.
 *
 * It is there once. As nothing may be stored for it, that is on the first page of a visit, until it is
 * closed or the chat is opened. It never stands over content: each second it is looked at whether
 * its place is free, and while the page scrolls whether it still is.
 */
import { dress } from "../dress.js";
import { coversContent } from "./covers.js";
import { sayOwn } from "./phrases.js";

/** Milliseconds. */
const LOOK_EVERY = 1_000;

const css = String.raw`
.teaser {
  position: absolute;
  inset-block-end: 0;
  inset-inline-end: calc(100% + 14px);
  display: flex;
  align-items: center;
  inline-size: max-content;
  max-inline-size: min(20em, 100vw - 2 * var(--gap) - 5em);
  min-block-size: 100%;
  border: 1px solid var(--line);
  border-radius: var(--round);
  background: var(--ground);
  color: var(--ink);
  box-shadow: 0 2px 6px #0000000f, 0 8px 28px #00000026;
  font-size: .9375em;
  animation: rise .25s cubic-bezier(.2, .8, .3, 1);
}
.root[data-position="start"] .teaser { inset-inline: calc(100% + 14px) auto; }
.teaser:not(.shown) { visibility: hidden; animation: none; }
.teaser .opens { flex: 1; align-self: stretch; border: 0; padding-block: 10px; padding-inline: 16px 4px; border-radius: var(--round); text-align: start; overflow-wrap: anywhere; }
.teaser .round { margin-inline: 2px 8px; }
.teaser .round .icon { inline-size: 1.1em; block-size: 1.1em; }
@media (max-width: 669.98px), (max-height: 479.98px) { .teaser { display: none; } }
`;

let had = false;

/** @param {import("./attention.js").Parts} parts @param {AbortSignal} stopped */
export function tease({ h, icon, element, keepIn, opening, say }, stopped) {
  // A page has one, whatever elements come and go.
  if (had || !isFirstPage()) return;
  had = true;
  const shadow = /** @type {ShadowRoot} */ (element.shadowRoot);
  const launcher = /** @type {HTMLElement} */ (shadow.querySelector(".launcher"));
  const words = h("span", { dir: "auto" });
  const purpose = h("span", { class: "unseen" });
  const close = h("button", { class: "round", type: "button", onclick: end }, icon("close"));
  const bubble = h("div", { part: "teaser" }, h("button", { class: "opens", type: "button", onclick: () => opening.open(true) }, words, " ", purpose), close);
  dress(shadow, css);
  bubble.addEventListener("keydown", (event) => event.key === "Escape" && end());
  keepIn(bubble, ["Enter", " ", "Escape"]);
  launcher.before(bubble);

  const over = new AbortController();
  const { signal } = over;
  element.addEventListener("open", end, { signal });
  stopped.addEventListener("abort", end, { signal });
  addEventListener("scroll", leave, { signal, capture: true, passive: true });
  addEventListener("resize", leave, { signal });
  const timer = setInterval(look, LOOK_EVERY);
  signal.addEventListener("abort", () => clearInterval(timer));
  look();

  function look() {
    words.textContent = wish("teaser") || wish("greeting") || say("greeting");
    purpose.textContent = say("open");
    close.setAttribute("aria-label", sayOwn(say, "teaserHide"));
    if (fits()) bubble.classList.add("shown");
    else hide();
  }

  /** Out of the way, at once. */
  function leave() {
    if (!fits()) hide();
  }

  function fits() {
    const box = bubble.getBoundingClientRect();
    return wish("teaser") !== "none" && !launcher.hidden && box.width > 0 && !coversContent(box, element);
  }

  function hide() {
    // Whoever is in it goes on beside it.
    if (bubble.matches(":focus-within")) launcher.focus({ preventScroll: true });
    bubble.classList.remove("shown");
  }

  function end() {
    hide();
    over.abort();
    bubble.remove();
  }

  /** @param {string} name */
  function wish(name) {
    return element.getAttribute(name) ?? "";
  }
}

/** As far as the browser knows; the page that led here has been looked at before. */
function isFirstPage() {
  const [how] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
  /** @type {number | undefined} */
  const index = /** @type {any} */ (window).navigation?.currentEntry?.index;
  // A site may keep from its pages where visitors come from. Then only a new tab is known to be a beginning.
  const begins = index === undefined ? Boolean(document.referrer) || history.length === 1 : index === 0;
  return how?.type === "navigate" && begins;
}
