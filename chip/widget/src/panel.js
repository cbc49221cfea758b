/**
 * The window of the chat: beside the page on a desk, in place of it on a phone.
 *
 * Owns being open, being modal, and fitting the screen that a keyboard leaves.
 */
import { h } from "./dom.js";
import { isComposing } from "./typing.js";

/** As in the style sheet. */
const PHONE = "(max-width: 669.98px), (max-height: 479.98px)";

export class Panel {
  #phone = matchMedia(PHONE);
  #hidden;
  #stopped = new AbortController();
  #covers;
  element;

  /**
   * @param {object} parts
   * @param {Node[]} parts.children
   * @param {(own: boolean) => void} parts.hidden  it is to be closed, by the visitor's own wish or not
   * @param {() => boolean} parts.covers  whether it may cover the page now
   */
  constructor({ children, hidden, covers }) {
    this.#hidden = hidden;
    this.#covers = covers;
    this.element = h("dialog", { part: "panel", tabindex: "-1" }, ...children);
    this.element.addEventListener("cancel", (event) => this.#escaped(event));
    this.element.addEventListener("keydown", (event) => event.key === "Escape" && !isComposing(event) && this.#escaped(event));
    const { signal } = this.#stopped;
    this.#phone.addEventListener("change", () => this.#refit(), { signal });
    for (const change of ["resize", "scroll"]) visualViewport?.addEventListener(change, () => this.#fit(), { signal });
  }

  get isOpen() {
    return this.element.open;
  }

  /** Whether the rest of the page is out of reach. */
  get isModal() {
    return this.element.open && this.#phone.matches;
  }

  /** A phone has room for the chat or the page, not both. */
  get onPhone() {
    return this.#phone.matches;
  }

  open() {
    if (this.isOpen) return;
    this.#fit();
    if (this.#phone.matches && this.element.isConnected) this.element.showModal();
    // `show()` would move the focus, also when nobody asked for it.
    else this.element.open = true;
  }

  close() {
    if (this.isOpen) this.element.close();
  }

  /** It is in a page again, where nothing is modal any more. */
  shown() {
    if (this.isModal) this.#refit();
  }

  stop() {
    this.#stopped.abort();
  }

  /** @param {Event} event */
  #escaped(event) {
    event.preventDefault();
    this.#hidden(true);
  }

  /** The window grew or shrank across the border between desk and phone. */
  #refit() {
    if (!this.isOpen) return;
    if (this.#phone.matches && !this.#covers()) return this.#hidden(false);
    const focused = /** @type {ShadowRoot} */ (this.element.getRootNode()).activeElement;
    this.close();
    this.open();
    if (focused instanceof HTMLElement) focused.focus({ preventScroll: true });
  }

  /** A keyboard covers the page without making it smaller. */
  #fit() {
    const view = visualViewport;
    if (!view) return;
    // Somebody who zooms in wants to see less of the panel, not a smaller one.
    const zoomed = view.scale > 1.01;
    this.element.style.setProperty("--view-height", zoomed ? "" : `${view.height}px`);
    this.element.style.setProperty("--view-top", zoomed ? "0px" : `${view.offsetTop}px`);
  }
}
