/**
 * Where the focus is, and whether it may be taken from there: only by the visitor's own action, or
 * when it is nowhere.
 */
const FIELDS = "input, textarea, select, iframe, [contenteditable]";
const ACTS = ["click", "pointerup", "mouseup", "touchend"];

/** The focused element, also inside of others' shadow trees. @param {Element} [own]  which is not looked into */
function focusedElement(own) {
  let at = document.activeElement;
  while (at && at !== own && at.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  return at === document.body || at === document.documentElement ? null : at;
}

/** What outside of the widget has the focus. @param {Element} own  the widget's element */
export function focusedElsewhere(own) {
  const focused = focusedElement(own);
  return focused === own || !(focused instanceof HTMLElement) ? null : focused;
}

export function focusIsNowhere() {
  return focusedElement() === null;
}

/** Whether the visitor writes into something of the page. @param {Element} own */
export function typesElsewhere(own) {
  return focusedElsewhere(own)?.matches(FIELDS) ?? false;
}

/** Whether the page answers the visitor, who pressed something of it, right now. */
export function visitorActs() {
  const { event } = window;
  return event?.isTrusted === true && ACTS.includes(event.type);
}

/** What in the widget has the focus, also when a way out of the page takes it. */
export class LastFocus {
  /** @type {HTMLElement | null} */
  #last = null;

  /**
   * @param {HTMLElement} element  the widget's own
   * @param {HTMLElement} root  all that it shows
   */
  constructor(element, root) {
    root.addEventListener("focusin", ({ target }) => (this.#last = /** @type {HTMLElement} */ (target)), true);
    // Out of the page, the focus was not given up but lost.
    const given = () => queueMicrotask(() => element.shadowRoot?.activeElement || !element.isConnected || (this.#last = null));
    root.addEventListener("focusout", given, true);
  }

  /** Ask when the element is back, before anything else has moved the focus. @returns {() => void} what gives it back */
  lost() {
    const last = focusIsNowhere() ? this.#last : null;
    return () => last?.focus({ preventScroll: true });
  }
}
