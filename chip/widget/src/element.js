/**
 * `<chip-chat>`: attributes, methods and events, as the page sees them.
 */
import { base, chooseLanguage, fetchWords } from "./language.js";
import { Strings } from "./strings.js";
import { styleSheet } from "./styles.js";
import { Widget } from "./widget.js";

const FACTS = ["hours", "zone", "available", "away", "usually"];
const CHANNEL = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export class ChipChat extends HTMLElement {
  /** Where this script came from, for elements that do not say. */
  static server = "";
  /** The site's own words. @type {import("./words.js").Words} */
  strings = {};
  /** @type {Widget | null} */
  #widget = null;
  /** What was asked for before there were words for it. @type {((widget: Widget) => void)[]} */
  #early = [];
  #builds = 0;
  #shadow = this.attachShadow({ mode: "open" });

  static get observedAttributes() {
    return ["channel", "server", "lang", "dir", "accent", "theme", "position", "heading", "subheading", "greeting", "strings", "launcher", "email", "hours", "zone", "available", "away", "usually"];
  }

  connectedCallback() {
    if (!this.#shadow.adoptedStyleSheets.length) this.#shadow.adoptedStyleSheets = [styleSheet()];
    void this.#build(() => this.tell("ready", {}));
  }

  disconnectedCallback() {
    this.#stop();
    this.#early = [];
  }

  /** @param {string} name @param {string | null} before @param {string | null} value */
  attributeChangedCallback(name, before, value) {
    if (!this.isConnected || before === value) return;
    if (name === "email") this.setEmail(value ?? "");
    else if (FACTS.includes(name)) void this.#widget?.learn();
    else if (name === "accent" || name === "theme") this.#widget?.repaint();
    // What is not there yet will look at the rest when it comes.
    else if (this.#widget || ["channel", "server", "lang"].includes(name)) void this.#build();
  }

  /** What is true now, in the word that the event "state" has for it. */
  get state() {
    return this.#widget?.chat.status.phase ?? "idle";
  }

  /** Show the conversation. */
  open() {
    this.#soon((widget) => widget.open());
  }

  /** Show the page. */
  close() {
    this.#soon((widget) => widget.close());
  }

  toggle() {
    this.#soon((widget) => (widget.isOpen ? widget.close() : widget.open()));
  }

  /** Send a message in the visitor's name. @param {string} text */
  send(text) {
    return this.#soon((widget) => widget.chat.send(String(text))) ?? null;
  }

  /** Tell who the visitor is. @param {string} email */
  setEmail(email) {
    this.#soon((widget) => widget.chat.setEmail(String(email)));
  }

  /**
   * Take the chat off the page.
   *
   * @param {{ forget?: boolean }} [how]  `forget` also leaves nothing of it in the browser
   */
  destroy({ forget = false } = {}) {
    const widget = this.#widget;
    this.remove();
    if (forget) widget?.forget();
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

  /** Show the chat, in the visitor's language. @param {() => void} [then] */
  async #build(then) {
    this.#stop();
    const channel = this.getAttribute("channel") ?? "";
    if (!CHANNEL.test(channel)) {
      this.tell("error", { code: "refused", message: `not a channel: "${channel}"` });
      return;
    }
    const server = new URL(this.getAttribute("server") ?? ChipChat.server, location.href).href.replace(/\/+$/, "");
    const browser = navigator.languages ?? [];
    const language = chooseLanguage([this.getAttribute("lang"), document.documentElement.lang, ...browser]);
    const build = this.#builds;
    const words = base(language) === "en" ? {} : await fetchWords(server, language);
    if (build !== this.#builds) return;
    const wishes = parseWords(this.getAttribute("strings"));
    if (wishes) this.strings = wishes;
    const strings = new Strings(language, { ...words, ...this.strings }, browser);
    const widget = (this.#widget = new Widget(this, this.#shadow, channel, server, strings));
    for (const run of this.#early.splice(0)) run(widget);
    // Whoever put the element into the page can still listen.
    queueMicrotask(() => this.isConnected && then?.());
  }

  #stop() {
    this.#builds++;
    this.#widget?.stop();
    this.#widget = null;
  }

  /**
   * Do it now, or when the chat is there.
   *
   * @template T
   * @param {(widget: Widget) => T} run
   * @returns {T | undefined}
   */
  #soon(run) {
    if (this.#widget) return run(this.#widget);
    this.#early.push(run);
    return undefined;
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
