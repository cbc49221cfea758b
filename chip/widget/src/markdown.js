/**
 * Light Markdown, for what the business says: bold, italics, code, lists, links. It is a file of its
 * own, which `marks.js` fetches.
 *
 * Safe by construction: what somebody wrote becomes text nodes and checked addresses. It takes time
 * in proportion to the text: a line is read once, and no kind of mark is open twice, so nothing
 * nests deeper than there are kinds. A mark without its pair is a character like any other.
 */
import { h, link, webAddress } from "./dom.js";
import { linksIn, textNodes } from "./text.js";

export const css = String.raw`
.bubble :is(ul, ol) { margin: 4px 0; padding-inline-start: 1.5em; white-space: normal; }
.bubble li { white-space: pre-wrap; }
.bubble :is(code, pre) { margin: 4px 0; padding: 1px 4px; border-radius: 4px; background: #7f7f7f26; font: .9em/1.45 ui-monospace, monospace; white-space: pre-wrap; }
.bubble pre { padding: 8px 10px; border-radius: 8px; }
`;

/** Characters: a longer text is no message that somebody has styled. */
const LONGEST = 20_000;

/** @type {Record<string, "strong" | "em">} */
const MARKS = { "**": "strong", __: "strong", "*": "em", _: "em" };
const RUN = /\*+|_+/g;
/** An address may have brackets of its own, in pairs. */
const CODE_OR_LINK = /(`{1,3})([^`]+)\1|\[([^[\]]+)\]\(((?:https?|mailto|tel):(?:[^\s()]|\([^\s()]*\))+)\)/gi;
const NO_PAGE = /^(?:mailto|tel):/i;
const FENCE = /^```/;
const BULLET = /^ {0,3}[-*•] +(\S.*)$/;
const NUMBER = /^ {0,3}(\d{1,9})\. +(\S.*)$/;
/** Next to one of these a mark is part of a word. Some scripts have no blanks between words. */
const LETTER = /(?![\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}])[\p{L}\p{N}]/u;

/** @typedef {Node | string} Piece */

/** @param {string} text @returns {Piece[]} */
export function markdown(text) {
  if (text.length > LONGEST) return textNodes(text);
  const lines = text.split("\n");
  const lastFence = lines.findLastIndex((line) => FENCE.test(line));
  /** @type {Piece[]} */
  const pieces = [];
  /** Code or a list that the next line may go on with. @type {HTMLElement | null} */
  let block = null;
  let afterBlock = true;
  lines.forEach((line, at) => {
    const inCode = block?.matches("pre");
    const [, number, numbered] = NUMBER.exec(line) ?? [];
    const item = numbered ?? BULLET.exec(line)?.[1];
    // A line break follows each line of a block, for those who copy it or hear it.
    if (FENCE.test(line) && (inCode || at < lastFence)) {
      block = inCode ? null : h("pre");
      if (block) pieces.push(block);
      afterBlock = true;
    } else if (inCode) {
      block?.append(line, "\n");
    } else if (item !== undefined) {
      const kind = number ? "ol" : "ul";
      if (!block?.matches(kind)) pieces.push((block = h(kind)));
      block.append(h("li", { value: number }, ...lineNodes(item)), "\n");
      afterBlock = true;
    } else {
      pieces.push(afterBlock ? "" : "\n", ...lineNodes(line));
      block = null;
      afterBlock = false;
    }
  });
  return pieces.filter((piece) => piece !== "");
}

/** @param {string} line @returns {Piece[]} */
function lineNodes(line) {
  /** Marks that are open, innermost last, and what has come since; the first is the line itself. */
  const open = [{ mark: "", pieces: /** @type {Piece[]} */ ([]) }];
  const add = (/** @type {Piece[]} */ ...pieces) => open.at(-1)?.pieces.push(...pieces);
  const isOpen = (/** @type {string} */ mark) => open.some((one) => one.mark === mark);
  /** End the innermost mark that is open: with its pair, or as characters. @param {boolean} paired */
  const end = (paired) => {
    const { mark = "", pieces = [] } = open.pop() ?? {};
    const kind = paired && MARKS[mark];
    add(...(kind ? [h(kind, {}, ...pieces)] : [mark, ...pieces]));
  };
  let at = 0;
  for (const part of [...partsOf(line), { start: line.length, end: line.length, node: "" }]) {
    const from = at;
    for (const { 0: mark, index } of line.slice(from, part.start).matchAll(RUN)) {
      add(line.slice(at, from + index));
      at = from + index + mark.length;
      const [before = " ", after = " "] = [line[from + index - 1], line[at]];
      if (isOpen(mark) && before.trim() && !LETTER.test(after)) {
        while (open.at(-1)?.mark !== mark) end(false);
        end(true);
      } else if (mark in MARKS && !isOpen(mark) && after.trim() && !LETTER.test(before)) {
        open.push({ mark, pieces: [] });
      } else {
        add(mark);
      }
    }
    add(line.slice(at, part.start), part.node);
    at = part.end;
  }
  while (open.length > 1) end(false);
  return (open[0]?.pieces ?? []).filter((piece) => piece !== "");
}

/** What of a line has no marks in it: code and links. @param {string} line */
function partsOf(line) {
  /** @type {import("./text.js").Part[]} */
  const parts = [];
  let at = 0;
  const links = (/** @type {number} */ to) => {
    for (const { start, end, node } of linksIn(line.slice(at, to))) parts.push({ start: at + start, end: at + end, node });
  };
  for (const { 0: whole, 2: code, 3: name = "", 4: wish = "", index } of line.matchAll(CODE_OR_LINK)) {
    const address = NO_PAGE.test(wish) ? wish : webAddress(wish)?.href;
    const node = code ? h("code", {}, code) : address && link(address, { dir: "auto" }, h("bdi", {}, name));
    if (!node) continue;
    links(index);
    at = index + whole.length;
    parts.push({ start: index, end: at, node });
  }
  links(line.length);
  return parts;
}
