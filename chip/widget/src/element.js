/**
 * `<chip-chat>`: attributes, methods and events, as the page sees them.
 */
import { styleSheet } from "./styles.js";
import { Widget } from "./widget.js";

const CHANNEL = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export class ChipChat extends HTMLElement {
  /** Where this script came from, for elements that do not say. */
  static server = "";
  /** The site's own words. @type {import("./words.js").Words} */
  strings = {};
  /** @type {Widget | null} */
  #widget = null;
  #shadow = this.attachShadow({ mode: "open" });

  static get observedAttributes() {
    return ["channel", "server", "lang", "dir", "accent", "theme", "position", "heading", "subheading", "greeting", "strings", "launcher", "email"];
  }

  connectedCallback() {
    if (!this.#shadow.adoptedStyleSheets.length) this.#shadow.adoptedStyleSheets = [styleSheet()];
    this.#build();
    // Whoever put the element into the page can still listen.
    queueMicrotask(() => this.isConnected && this.#widget && this.tell("ready", {}));
  }

  disconnectedCallback() {
    this.#widget?.stop();
    this.#widget = null;
  }

  /** @param {string} name @param {string | null} before @param {string | null} value */
  attributeChangedCallback(name, before, value) {
    if (!this.#widget || before === value) return;
    if (name === "email") this.#widget.chat.setEmail(value ?? "");
    else if (name === "accent" || name === "theme") this.#widget.repaint();
    else this.#build();
  }

  /** What is true now, in the word that the event "state" has for it. */
  get state() {
    return this.#widget?.chat.status.phase ?? "idle";
  }

  /** Show the conversation. */
  open() {
    this.#widget?.open();
  }

  /** Show the page. */
  close() {
    this.#widget?.close();
  }

  toggle() {
    if (this.#widget?.isOpen) this.close();
    else this.open();
  }

  /** Send a message in the visitor's name. @param {string} text */
  send(text) {
    return this.#widget?.chat.send(String(text)) ?? null;
  }

  /** Tell who the visitor is. @param {string} email */
  setEmail(email) {
    this.#widget?.chat.setEmail(String(email));
  }

  /**
   * Take the chat off the page.
   *
   * @param {{ forget?: boolean }} [how]  `forget` also leaves nothing of it in the browser
   */
  destroy({ forget = false } = {}) {
    this.#widget?.stop();
    if (forget) this.#widget?.forget();
    this.remove();
  }

  /**
   * @param {string} name
   * @param {(detail: any) => void} listener
   * @returns {() => void} call it to hear no more
   */
  on(name, listener) {
    const heard = (/** @type {Event} */ event) => listener(/** @type {CustomEvent} */ (event).detail);
    this.addEventListener(name, heard);
    return () => this.removeEventListener(name, heard);
  }

  /** @param {string} name @param {object} detail */
  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  #build() {
    this.#widget?.stop();
    this.#widget = null;
    const channel = this.getAttribute("channel") ?? "";
    if (!CHANNEL.test(channel)) {
      this.tell("error", { code: "refused", message: `not a channel: "${channel}"` });
      return;
    }
    const wishes = parseWords(this.getAttribute("strings"));
    if (wishes) this.strings = wishes;
    const server = new URL(this.getAttribute("server") ?? ChipChat.server, location.href).href.replace(/\/+$/, "");
    this.#widget = new Widget(this, this.#shadow, channel, server);
  }
}

/** @param {string | null} json @returns {import("./words.js").Words | null} */
function parseWords(json) {
  try {
    return JSON.parse(json ?? "null");
  } catch {
    return null;
  }
}
