/**
 * What somebody typed, as nodes: line breaks, links, and big emoji when there is nothing else.
 */
import { h, link, webAddress } from "./dom.js";

const LINKS = new RegExp(
  [
    "https?://[^\\s<>\"'`\\u200b-\\u200f\\u202a-\\u202e\\u2066-\\u2069]+",
    "www\\.[a-z0-9][^\\s<>\"'`\\u200b-\\u200f\\u202a-\\u202e\\u2066-\\u2069]+",
    // As long as they may be, no longer: without a limit ten thousand letters take a second.
    "(?:mailto:)?[a-z0-9][\\w.+-]{0,63}@[a-z0-9-]{1,63}(?:\\.[a-z0-9-]{1,63})+",
    "tel:\\+?[0-9][0-9().-]{4,}",
    "\\+[0-9][0-9 ().-]{6,16}[0-9]",
  ].join("|"),
  "giu",
);
/** What ends a sentence rather than an address. */
const ENDS = /[.,:;!?…'"»”’،؛؟。，！？*_]$/u;
const BRACKETS = ["()", "[]", "{}"];
const EMOJI_ONLY = /^(?:(?:\p{RI}{2}|[#*0-9]\ufe0f?\u20e3|\p{Emoji_Presentation}|\p{Extended_Pictographic}\ufe0f?)(?:[\p{Emoji_Modifier}\ufe0f]|\u200d\p{Extended_Pictographic}|[\u{e0020}-\u{e007f}])*\s?){1,3}$/u;

/** @param {string} text */
export function isBigEmoji(text) {
  return text.length < 60 && EMOJI_ONLY.test(text);
}

/**
 * @typedef {{ start: number, end: number, node: Node }} Part  of a text, and what is shown for it
 *
 * @param {string} text
 * @returns {Part[]}
 */
export function linksIn(text) {
  /** @type {Part[]} */
  const found = [];
  for (const { 0: whole, index } of text.matchAll(LINKS)) {
    const shown = trimmed(whole);
    const address = addressOf(shown);
    if (!address || /[a-z0-9@]/i.test(text[index - 1] ?? " ")) continue;
    found.push({ start: index, end: index + shown.length, node: link(address, { dir: "auto" }, h("bdi", {}, shown)) });
  }
  return found;
}

/**
 * @param {string} text
 * @returns {(Node | string)[]}
 */
export function textNodes(text) {
  /** @type {(Node | string)[]} */
  const nodes = [];
  let at = 0;
  for (const { start, end, node } of linksIn(text)) {
    nodes.push(text.slice(at, start), node);
    at = end;
  }
  nodes.push(text.slice(at));
  return nodes.filter((node) => node !== "");
}

/** Without what belongs to the sentence around it. @param {string} found */
function trimmed(found) {
  // How often each bracket closes without having opened.
  const surplus = new Map(BRACKETS.map(([open = "", close = ""]) => [close, found.split(close).length - found.split(open).length]));
  for (let end = found.length; ; end--) {
    const last = found[end - 1] ?? "";
    const left = surplus.get(last) ?? 0;
    if (left <= 0 && !ENDS.test(last)) return found.slice(0, end);
    surplus.set(last, left - 1);
  }
}

/** @param {string} shown @returns {string | null} */
function addressOf(shown) {
  if (/^https?:/i.test(shown)) return webAddress(shown)?.href ?? null;
  if (/^www\./i.test(shown)) return webAddress(`https://${shown}`)?.href ?? null;
  if (/^tel:/i.test(shown)) return shown;
  if (shown.startsWith("+")) return `tel:${shown.replace(/[^+\d]/g, "")}`;
  return /^mailto:/i.test(shown) ? shown : `mailto:${shown}`;
}
