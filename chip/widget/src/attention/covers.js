/**
 * Whether something would stand over what the page says or offers, not just over its empty places.
 */

/** What counts wherever it is hit. */
const THINGS = "a[href], audio, button, canvas, embed, iframe, img, input, label, meter, object, progress, select, summary, svg, textarea, video, [contenteditable], [role=button], [role=link]";
/** Pixels between the points that are looked at: less than what one can read or press. */
const STEP = 10;

/**
 * @param {DOMRect} box  in the window
 * @param {Element} own  what does not count, with all that it shows
 */
export function coversContent(box, own) {
  /** @type {Set<Element>} */
  const seen = new Set([own]);
  for (const y of steps(box.top, box.bottom)) {
    for (const x of steps(box.left, box.right)) {
      for (const element of elementsAt(document, x, y, own)) {
        if (seen.has(element)) continue;
        seen.add(element);
        if (element.closest(THINGS) || hasTextIn(element, box)) return true;
      }
    }
  }
  return false;
}

/** From one edge to the other, both included. @param {number} from @param {number} to */
function steps(from, to) {
  const count = Math.ceil((to - from) / STEP);
  return Array.from({ length: count + 1 }, (_, index) => Math.min(from + index * STEP, to - 1));
}

/**
 * Also those inside of the page's own components, where these are open.
 *
 * @param {Document | ShadowRoot} tree
 * @param {number} x
 * @param {number} y
 * @param {Element} own
 * @returns {Element[]}
 */
function elementsAt(tree, x, y, own) {
  return tree.elementsFromPoint(x, y).flatMap((element) => {
    const inside = element !== own && element.getRootNode() === tree ? element.shadowRoot : null;
    return inside ? [element, ...elementsAt(inside, x, y, own)] : [element];
  });
}

/** Whether words of its own stand there, not just its box. @param {Element} element @param {DOMRect} box */
function hasTextIn(element, box) {
  const range = new Range();
  return [...element.childNodes].some((node) => {
    if (!(node instanceof Text) || !node.data.trim()) return false;
    range.selectNode(node);
    return [...range.getClientRects()].some((line) => meet(line, box));
  });
}

/** @param {DOMRect} one @param {DOMRect} other */
function meet(one, other) {
  return one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
}
