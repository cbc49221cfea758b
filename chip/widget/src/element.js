/**
 * `<chip-chat>`: attributes, methods and events, as the page sees them.
 */
// First: with the style sheets at its start the script packs better.
import { css } from "./styles.js";
import { advise, adviseOnElement, adviseOnValue } from "./advise.js";
import { ATTRIBUTES, channelOf, readWords } from "./attributes.js";
import { listen } from "./dom.js";
import { dress } from "./dress.js";
import { visitorActs } from "./focus.js";
import { base, chooseLanguage, fetchWords } from "./language.js";
import { Strings } from "./strings.js";
import { Widget } from "./widget.js";

const FACTS = ["hours", "zone", "available", "away", "usually"];
const CHANNEL = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Milliseconds that a chat goes on out of the page: it may be on its way to another place. */
const LINGER = 5_000;
/** What may be asked for while the words are under way; the oldest is dropped for the newest. */
const EARLY = 100;

export class ChipChat extends HTMLElement {
  /** Where this script came from, for elements that do not say. */
  static server = "";
  /** @type {import("./page.js").Page} */
  static page;
  /** The site's own words. @type {import("./words.js").Words} */
  #ownWords = {};
  /** Those of the language. @type {import("./words.js").Words} */
  #words = {};
  #language = "en";
  /** Undefined before it was ever in a page, null where there is nothing to show. @type {Widget | null | undefined} */
  #widget;
  /** What was asked for before there were words for it. @type {((widget: Widget) => void)[]} */
  #early = [];
  #builds = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #farewell;
  #shadow = this.attachShadow({ mode: "open" });

  static get observedAttributes() {
    return ATTRIBUTES;
  }

  connectedCallback() {
    clearTimeout(this.#farewell);
    if (!this.#widget) this.#begin();
    else {
      this.#widget.shown();
      // Another page of the site may be in another language.
      if (this.#wishedLanguage !== this.#language) void this.#build();
    }
    ChipChat.page.came(this);
  }

  /** A move that takes nothing away, where browsers have one. */
  connectedMoveCallback() {}

  disconnectedCallback() {
    this.#farewell = setTimeout(() => this.#stop(), LINGER);
    ChipChat.page.went(this);
  }

  /** @param {string} name @param {string | null} before @param {string | null} value */
  attributeChangedCallback(name, before, value) {
    if (before === value) return;
    if (name === "strings") this.#ownWords = readWords(value);
    if (this.#widget === undefined) return;
    adviseOnValue(ChipChat.server, name, value);
    if (name === "channel" || name === "server") this.#rebuild();
    else if (name === "lang") void this.#build();
    else if (name === "strings") this.#widget?.speak(this.#strings());
    else if (name === "open") value === null ? this.close() : this.open();
    else if (FACTS.includes(name)) this.#widget?.learn();
    else this.#widget?.follow(name);
  }

  /** The site's own words. @returns {import("./words.js").Words} */
  get strings() {
    return this.#ownWords;
  }

  /** @param {unknown} words  an object, or JSON of one */
  set strings(words) {
    this.#ownWords = readWords(words);
    advise(ChipChat.server, "strings", words);
    this.#widget?.speak(this.#strings());
  }

  /** What is true now, in the word that the event "state" has for it. */
  get state() {
    return this.#widget?.chat.status.phase ?? "idle";
  }

  /** To a page's shortcuts that ask whether somebody writes here: he does. */
  get isContentEditable() {
    return this.#shadow.activeElement?.matches("input, textarea") ?? false;
  }

  /**
   * Show the conversation. As frameworks set a property where there is one, what is set under this
   * name does what the attribute of this name does.
   *
   * @returns {() => void}
   */
  get open() {
    return () => this.#soon((widget, own) => widget.opening.open(own));
  }

  /** @param {unknown} value  true, or as the attribute has it: "" */
  set open(value) {
    const wanted = value === "" || Boolean(value);
    if (this.hasAttribute("open") !== wanted) this.toggleAttribute("open", wanted);
    else if (wanted) this.open();
    else this.close();
  }

  /** Show the page. */
  close() {
    this.#soon((widget, own) => widget.opening.close(own));
  }

  toggle() {
    this.#soon((widget, own) => widget.opening.toggle(own));
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
    ChipChat.page.ended(this);
    if (forget) Widget.forget(...this.#address);
    this.#early = [];
    this.remove();
    this.#stop();
  }

  /**
   * @param {string} name
   * @param {(detail: any) => void} listener
   * @returns {() => void} call it to hear no more
   */
  on(name, listener) {
    return listen(this, name, listener);
  }

  /** @param {string} name @param {object} detail */
  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
    ChipChat.page.told(this, name, detail);
  }

  #begin() {
    dress(this.#shadow, css);
    // Set before this element was defined, they hide what it has under these names.
    for (const name of /** @type {const} */ (["strings", "open"])) {
      if (!Object.hasOwn(this, name)) continue;
      const value = /** @type {any} */ (this[name]);
      delete (/** @type {any} */ (this)[name]);
      /** @type {any} */ (this)[name] = value;
    }
    this.#rebuild();
    adviseOnElement(ChipChat.server, this);
  }

  /** Another chat. */
  #rebuild() {
    this.#stop();
    if (this.isConnected) void this.#build();
  }

  /** Show the chat in the visitor's language, or what is shown of it in another one. */
  async #build() {
    const build = ++this.#builds;
    const [server, channel] = this.#address;
    const language = this.#wishedLanguage;
    const good = server && CHANNEL.test(channel);
    const words = !good || base(language) === "en" ? {} : await fetchWords(server, language);
    if (build !== this.#builds) return;
    this.#language = language;
    this.#words = words;
    if (this.#widget) return this.#widget.speak(this.#strings());
    const widget = (this.#widget = good ? new Widget(this, this.#shadow, channel, server, this.#strings()) : null);
    if (widget) for (const run of this.#early.splice(0)) run(widget);
    // Whoever put the element into the page can still listen, or set its channel.
    queueMicrotask(() => {
      if (this.#widget !== widget || !this.isConnected) return;
      if (widget) this.tell("ready", {});
      else this.#refuse(server);
    });
  }

  /** Server and channel. */
  get #address() {
    return /** @type {const} */ ([serverOf(this.getAttribute("server") ?? ChipChat.server), channelOf(this.getAttribute("channel"))]);
  }

  get #wishedLanguage() {
    return chooseLanguage([this.getAttribute("lang"), document.documentElement.lang, ...(navigator.languages ?? [])]);
  }

  #strings() {
    return new Strings(this.#language, { ...this.#words, ...this.#ownWords }, navigator.languages ?? []);
  }

  /**
   * Do it now, or when the chat is there.
   *
   * @template T
   * @param {(widget: Widget, own: boolean) => T} run  `own` if the visitor asked for it
   * @returns {T | undefined}
   */
  #soon(run) {
    const own = visitorActs();
    if (this.#widget) return run(this.#widget, own);
    this.#early = [...this.#early, (/** @type {Widget} */ widget) => void run(widget, own)].slice(-EARLY);
    return undefined;
  }

  /** @param {string | null} server */
  #refuse(server) {
    const channel = this.getAttribute("channel") ?? "";
    if (!server) advise(ChipChat.server, "server", this.getAttribute("server") ?? "");
    else if (channel) advise(server, "channel", channel);
    else advise(server, "noChannel");
    this.tell("error", { code: "refused", message: server ? `not a channel: "${channel}"` : "not an address: server" });
  }

  #stop() {
    clearTimeout(this.#farewell);
    this.#builds++;
    this.#widget?.stop();
    this.#widget = null;
  }
}

/** @param {string} address */
function serverOf(address) {
  try {
    return new URL(address, location.href).href.replace(/\/+$/, "");
  } catch {
    return null;
  }
}
