/**
 * Where somebody reads: at the end, or further up.
 *
 * The end stays in view, and what is read further up keeps its place, whatever changes its height:
 * a picture, a font, the keyboard of a phone, older messages above. Only a scroll upwards leaves
 * the end. A browser tells of a scroll late and not who scrolled, so it is known by the position: it
 * is above both where it was left and where a change of heights alone could have put it.
 */

/** Pixels. */
const NEAR_END = 48;

export class Place {
  #scroller;
  #rows;
  #top = 0;
  /** The first message in view, and how far below the upper edge it begins. @type {{ row: Element, offset: number } | null} */
  #held = null;
  /** Whether the newest message is in view, or is about to be. */
  atEnd = true;

  /** @param {HTMLElement} scroller @param {HTMLElement} rows  inside of it */
  constructor(scroller, rows) {
    this.#scroller = scroller;
    this.#rows = rows;
  }

  /** @param {boolean} [gently] */
  toEnd(gently = false) {
    this.atEnd = true;
    const still = !gently || matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.#scroller.scrollTo({ top: this.#scroller.scrollHeight, behavior: still ? "instant" : "smooth" });
    this.#top = this.#scroller.scrollTop;
  }

  /** Notice a scroll, perhaps before the browser tells of it. */
  look() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    const end = scrollHeight - clientHeight;
    if (end - scrollTop < NEAR_END) this.atEnd = true;
    else if (scrollTop < Math.min(this.#top, end) - 1) this.atEnd = false;
    if (scrollTop === this.#top) return;
    this.#top = scrollTop;
    // Not the name of a day: older messages of that day come below it.
    const row = [...this.#rows.children].find((one) => one.matches("article") && this.#offset(one) + one.clientHeight > 0);
    this.#held = row ? { row, offset: this.#offset(row) } : null;
  }

  /** Heights may have changed. */
  keep() {
    if (!this.#scroller.clientHeight) return;
    if (this.atEnd) return this.toEnd();
    if (!this.#held?.row.isConnected) return;
    this.#scroller.scrollTop += this.#offset(this.#held.row) - this.#held.offset;
    this.#top = this.#scroller.scrollTop;
  }

  /** @param {Element} row */
  #offset(row) {
    return row.getBoundingClientRect().top - this.#scroller.getBoundingClientRect().top;
  }
}
