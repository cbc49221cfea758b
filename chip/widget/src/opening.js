/**
 * Opening and closing the panel: by whose wish, remembered in this tab, and what becomes of the
 * focus. It moves by the visitor's own action only, or when it is nowhere.
 */
import { focusedElsewhere, focusIsNowhere, typesElsewhere } from "./focus.js";

export class Opening {
  #element;
  #panel;
  #launcher;
  #composer;
  #session;
  #told;
  /** Ends when the panel is opened or closed: it does not wait for that any longer. */
  #waiting = new AbortController();
  /** What of the page the visitor came from. @type {HTMLElement | null} */
  #origin = null;

  /**
   * @param {object} parts
   * @param {HTMLElement} parts.element  the widget's own
   * @param {import("./panel.js").Panel} parts.panel
   * @param {HTMLElement} parts.launcher
   * @param {{ focus: () => void }} parts.composer
   * @param {import("./notes.js").Notes} parts.session
   * @param {(open: boolean) => void} parts.told  it is open, or closed
   */
  constructor({ element, panel, launcher, composer, session, told }) {
    this.#element = element;
    this.#panel = panel;
    this.#launcher = launcher;
    this.#composer = composer;
    this.#session = session;
    this.#told = told;
  }

  /** As it was in this tab, or as the site wishes. */
  begin() {
    const wasOpen = this.#session.get("open") || this.#element.hasAttribute("open");
    // A phone shows the page first: nobody came for a chat that covers it.
    if (wasOpen && !this.#panel.onPhone) this.#show();
  }

  /** @param {boolean} own  by the visitor's own action */
  open(own) {
    this.#waiting.abort();
    const opening = !this.#panel.isOpen;
    const take = own || focusIsNowhere();
    if (opening && !own && this.#panel.onPhone && typesElsewhere(this.#element)) {
      this.#openLater();
      return;
    }
    if (opening) {
      this.#origin = take ? focusedElsewhere(this.#element) : null;
      this.#show();
    }
    // Modal, it has the focus anyway.
    if (take || (opening && this.#panel.onPhone)) this.enter();
  }

  /** @param {boolean} own  by the visitor's own action */
  close(own) {
    this.#waiting.abort();
    if (!this.#panel.isOpen) return;
    const inside = this.#panel.element.matches(":focus-within");
    this.#panel.close();
    this.#session.remove("open");
    if (own || inside) (this.#origin?.isConnected ? this.#origin : this.#launcher).focus();
    this.#told(false);
  }

  /** @param {boolean} own  by the visitor's own action */
  toggle(own) {
    this.#panel.isOpen ? this.close(own) : this.open(own);
  }

  /** Go where one writes. */
  enter() {
    // A phone's keyboard comes up when it is asked for.
    (this.#panel.onPhone ? this.#panel.element : this.#composer).focus();
  }

  stop() {
    this.#waiting.abort();
  }

  #show() {
    this.#panel.open();
    this.#session.set("open", "1");
    this.#told(true);
  }

  /** Open it when the visitor has finished what he types into the page. */
  #openLater() {
    const { signal } = (this.#waiting = new AbortController());
    // The focus is under way when this is told; leaving a frame is told to the window only.
    const again = () => setTimeout(() => signal.aborted || this.open(false));
    for (const name of ["focusout", "focus"]) addEventListener(name, again, { signal });
  }
}
