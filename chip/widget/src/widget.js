/**
 * The parts put together: a chat, its views, and the page around them.
 */
import { Announcer } from "./announcer.js";
import { Banner } from "./banner.js";
import { Chat } from "./chat.js";
import { Composer } from "./composer.js";
import { Connection } from "./connection.js";
import { h } from "./dom.js";
import { learn } from "./learn.js";
import { Launcher } from "./launcher.js";
import { Layer } from "./layer.js";
import { Lightbox } from "./lightbox.js";
import { LogView } from "./log.js";
import { styledText } from "./marks.js";
import { messageWords } from "./message.js";
import { Notes } from "./notes.js";
import { paint } from "./paint.js";
import { Panel } from "./panel.js";
import { isDark, watchTheme } from "./theme.js";

/** @type {import("./connection.js").World} */
const BROWSER = {
  socket: (url) => new WebSocket(url),
  fetch: (url, init) => fetch(url, init),
  now: () => Date.now(),
  random: () => Math.random(),
  later: (run, milliseconds) => setTimeout(run, milliseconds),
  cancel: (timer) => clearTimeout(timer),
  online: () => navigator.onLine,
};

/** Everything that lives while the element is in a page. */
export class Widget {
  #element;
  #strings;
  #announcer = new Announcer(() => this.isModal);
  #banner;
  #composer;
  #log;
  #panel;
  #launcher;
  #root;
  #layer;
  #session;
  #stopped = new AbortController();
  #drawing = false;
  #unread = 0;
  /** The key of the first message that had come before the visitor looked. */
  #fresh = "";
  #server;
  #channel;
  #shadow;
  #learning = false;
  /** @type {import("./availability/availability.js").Availability | undefined} */
  #availability;
  #phase = "";
  chat;

  /**
   * @param {import("./element.js").ChipChat} element
   * @param {ShadowRoot} shadow
   * @param {string} channel
   * @param {string} server
   * @param {import("./strings.js").Strings} strings
   */
  constructor(element, shadow, channel, server, strings) {
    this.#element = element;
    this.#server = server;
    this.#channel = channel;
    this.#shadow = shadow;
    const attribute = (/** @type {string} */ name) => element.getAttribute(name) ?? "";
    this.#strings = strings;
    const notes = new Notes(channel, () => localStorage);
    this.#session = new Notes(channel, () => sessionStorage);
    const connection = new Connection(`${server}/wc/connect/${channel}`, BROWSER);
    this.chat = new Chat({ channel, connection, notes, world: BROWSER, locks: navigator.locks });

    const say = (/** @type {string} */ sentence) => this.#announcer.say(sentence);
    this.#banner = new Banner(strings, { tryNow: () => this.chat.tryNow(), announce: say });
    const lightbox = new Lightbox(strings, () => this.#root);
    this.#log = new LogView(strings, attribute("greeting") || strings.say("greeting"), {
      reply: (text) => this.#replied(text),
      retry: (ref) => this.chat.retry(ref),
      discard: (ref) => this.#discarded(ref),
      style: (text) => styledText(server, text),
      showPicture: (address, name) => lightbox.show(address, name),
      older: () => this.chat.history.older(),
      bottom: () => this.#look(),
    });
    this.#composer = new Composer(strings, {
      send: (text) => void this.chat.send(text),
      draft: this.#session.get("draft") ?? "",
      save: (draft) => (draft ? this.#session.set("draft", draft) : this.#session.remove("draft")),
    });
    this.#panel = new Panel({
      strings,
      heading: attribute("heading") || strings.say("heading"),
      subheading: attribute("subheading"),
      children: [this.#banner.element, this.#log.element, this.#composer.element, this.#announcer.inside],
      hidden: () => this.close(),
    });
    this.#launcher = new Launcher(strings, () => (this.#panel.isOpen ? this.close() : this.open()));
    this.#launcher.element.hidden = attribute("launcher") === "none";
    this.#root = h(
      "div",
      { class: "root", lang: strings.language, dir: attribute("dir") || strings.direction, "data-position": attribute("position") || undefined },
      this.#launcher.element, this.#panel.element, this.#announcer.outside,
    );
    this.#layer = new Layer(this.#root);
    shadow.replaceChildren(this.#root, this.#layer.probe);
    this.#listen(notes, connection);
    this.#begin();
  }

  /** @param {boolean} [focus]  false if nobody asked for it */
  open(focus = true) {
    if (!this.#panel.isOpen) {
      this.repaint();
      this.#panel.open();
      this.#session.set("open", "1");
      this.chat.want();
      this.#log.toBottom();
      this.#draw();
      void this.learn();
      this.#element.tell("open", {});
    }
    if (focus && this.#panel.onPhone) this.#panel.element.focus();
    else if (focus) this.#composer.focus();
  }

  close() {
    if (!this.#panel.isOpen) return;
    this.#panel.close();
    this.#session.remove("open");
    this.#draw();
    this.#launcher.element.focus();
    this.#element.tell("close", {});
  }

  /** Say when somebody answers, as far as that is known. */
  async learn() {
    if (this.#availability) return this.#availability.show();
    if (this.#learning || !this.isOpen) return undefined;
    this.#learning = true;
    const learnt = await learn(this.#server, this.#channel, (name) => this.#element.getAttribute(name) ?? "");
    this.#learning = false;
    if (!learnt || this.#stopped.signal.aborted) return undefined;
    const { Availability, fact } = learnt;
    const { word, element } = (this.#availability = new Availability({
      h, fact, chat: this.chat, session: this.#session, strings: this.#strings, shadow: this.#shadow,
      announce: (sentence) => this.#announcer.say(sentence),
      advise: (sentence) => console.warn(`Chip: ${sentence}`),
      answered: () => this.#composer.focus(),
    }));
    this.#panel.element.querySelector("header div")?.append(word);
    return this.#composer.element.before(element);
  }

  get isOpen() {
    return this.#panel.isOpen;
  }

  /** @returns {boolean} */
  get isModal() {
    return this.#panel.isModal;
  }

  stop() {
    this.#stopped.abort();
    this.chat.stop();
    this.#availability?.stop();
    for (const part of [this.#announcer, this.#banner, this.#layer, this.#log, this.#panel]) part.stop();
  }

  forget() {
    this.chat.forget();
    for (const name of this.#session.names("")) this.#session.remove(name);
  }

  repaint() {
    paint(this.#element, this.#root, this.#panel.element);
  }

  /** @param {Notes} notes @param {Connection} connection */
  #listen(notes, connection) {
    const { signal } = this.#stopped;
    this.chat.on("change", () => this.#draw());
    this.chat.on("status", (status) => this.#told(status));
    this.chat.on("message", (entry) => this.#arrived(entry));
    this.chat.on("problem", (problem) => this.#element.tell("error", problem));
    connection.on("state", (state) => {
      if (state.name === "refused") this.#element.tell("error", { code: "refused", message: state.reason });
    });
    addEventListener("storage", (event) => notes.heard(event), { signal });
    const nudge = () => {
      if (document.visibilityState === "hidden") return;
      this.chat.nudge();
      this.#look();
    };
    for (const name of ["online", "offline", "focus", "pageshow"]) addEventListener(name, nudge, { signal });
    document.addEventListener("visibilitychange", nudge, { signal });
    watchTheme(() => isDark(this.#element) !== (this.#root.dataset.theme === "dark") && this.repaint(), signal);
  }

  #begin() {
    this.repaint();
    this.chat.resume();
    const email = this.#element.getAttribute("email");
    if (email) this.chat.setEmail(email);
    // A phone shows the page first: nobody came for a chat that covers it.
    const wasOpen = this.#session.get("open") || this.#element.hasAttribute("open");
    if (wasOpen && !this.#panel.onPhone) this.open(false);
    this.#told(this.chat.status);
    this.#drawNow();
  }

  /** @param {import("./status.js").Status} status */
  #told(status) {
    this.#banner.show(status);
    this.#composer.enable(status.phase !== "refused");
    this.#draw();
    if (status.phase === this.#phase) return;
    this.#phase = status.phase;
    this.#element.tell("state", { state: status.phase });
  }

  /** @param {import("./conversation.js").Entry} entry */
  #arrived(entry) {
    const { own, text, attachments, quickReplies, user, when, ref } = entry;
    if (!own) this.#announcer.say(messageWords(entry, this.#strings));
    this.#element.tell("message", { own, text, attachments, quickReplies, user, time: new Date(when), ref });
  }

  /** @param {string} text */
  #replied(text) {
    this.chat.send(text);
    this.#drawNow();
    // The button is gone: go on where one would write the next answer.
    if (this.#panel.onPhone) this.#panel.element.focus();
    else this.#composer.focus();
  }

  /** @param {string} ref */
  #discarded(ref) {
    this.chat.discard(ref);
    this.#composer.focus();
  }

  /** The visitor may have read what there is. */
  #look() {
    if (this.#looking && this.chat.reading.markSeen()) this.#draw();
  }

  get #looking() {
    return this.#panel.isOpen && document.visibilityState === "visible" && this.#log.atBottom;
  }

  /** Many things change at once; one picture is enough. */
  #draw() {
    if (this.#drawing) return;
    this.#drawing = true;
    queueMicrotask(() => {
      if (this.#drawing && !this.#stopped.signal.aborted) this.#drawNow();
    });
  }

  #drawNow() {
    this.#drawing = false;
    const { conversation, history, recalling, status } = this.chat;
    const entries = conversation.list();
    const { reading } = this.chat;
    if (!this.#panel.isOpen || (!this.#fresh && !this.#looking)) this.#fresh = reading.firstUnread;
    else if (entries.at(-1)?.own) this.#fresh = "";
    this.#log.show({
      entries,
      fresh: this.#fresh,
      online: status.phase === "online",
      past: history.trouble ? "trouble" : history.loading || recalling ? "loading" : "",
      start: !recalling && !history.more,
      refused: status.phase === "refused",
    });
    this.#look();
    const { unread } = reading;
    this.#launcher.show(this.#panel.isOpen, unread);
    if (unread !== this.#unread) this.#element.tell("unread", { count: unread });
    this.#unread = unread;
  }
}
