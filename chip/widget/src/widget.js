/**
 * The parts put together: what an element shows of a chat, and of what the site wishes.
 *
 * It is built once. Whatever changes later, changes in place: nobody who is typing notices.
 */
import { Announcer } from "./announcer.js";
import { advise } from "./advise.js";
import { enlarge } from "./attachments.js";
import { attract } from "./attract.js";
import { Banner } from "./banner.js";
import { ignoreHeldEnter, keepIn } from "./boundary.js";
import { Composer } from "./composer.js";
import { h, icon } from "./dom.js";
import { agentOf } from "./face.js";
import { LastFocus, typesElsewhere } from "./focus.js";
import { Header } from "./header.js";
import { Learning } from "./learn.js";
import { Launcher, MOST } from "./launcher.js";
import { Layer } from "./layer.js";
import { LogView } from "./log.js";
import { styledText } from "./marks.js";
import { messageWords } from "./message.js";
import { Opening } from "./opening.js";
import { isStale, paint } from "./paint.js";
import { Panel } from "./panel.js";
import { watchTheme } from "./theme.js";
import { leaveVisit, visitOf } from "./visit.js";

/** Everything that an element shows. */
export class Widget {
  #element;
  #visit;
  #session;
  #strings;
  #announcer = new Announcer(() => this.isModal);
  #banner;
  #composer;
  #header;
  #log;
  #panel;
  #launcher;
  #root;
  #layer;
  #stopped = new AbortController();
  #focus;
  #drawing = false;
  #unread = 0;
  /** The key of the first message that had come before the visitor looked. */
  #fresh = "";
  #learning;
  #phase = "";
  chat;
  opening;

  /**
   * @param {import("./element.js").ChipChat} element
   * @param {ShadowRoot} shadow
   * @param {string} channel
   * @param {string} server
   * @param {import("./strings.js").Strings} strings
   */
  constructor(element, shadow, channel, server, strings) {
    this.#element = element;
    this.#visit = visitOf(server, channel);
    this.#session = this.#visit.session;
    this.chat = this.#visit.chat;
    this.#strings = strings;
    const say = (/** @type {string} */ sentence) => this.#announcer.say(sentence);
    this.#banner = new Banner(strings, { tryNow: () => this.chat.tryNow(), announce: say, left: () => this.opening.enter() });
    this.#log = new LogView(strings, {
      reply: (text) => this.#decided(() => this.chat.send(text)),
      retry: (ref) => this.#decided(() => (this.chat.retry(ref), this.#log.toBottom())),
      discard: (ref) => this.#decided(() => this.chat.discard(ref)),
      style: (text) => styledText(server, shadow, text),
      showPicture: (address, name) => enlarge(server, this.#root, this.#strings, address, name),
      older: () => this.chat.history.older(),
      bottom: () => this.#look(),
    });
    this.#composer = new Composer(strings, (text) => void this.chat.send(text), this.#session);
    this.#header = new Header(strings, () => this.opening.close(true));
    this.#panel = new Panel({
      children: [this.#header.element, this.#banner.element, this.#log.element, this.#composer.element, this.#announcer.inside],
      hidden: (own) => this.opening.close(own),
      covers: () => !typesElsewhere(element),
    });
    this.#launcher = new Launcher(strings, () => this.opening.toggle(true));
    const told = (/** @type {boolean} */ open) => this.#turned(open);
    this.opening = new Opening({ element, panel: this.#panel, launcher: this.#launcher.element, composer: this.#composer, session: this.#session, told });
    keepIn(this.#launcher.element, ["Enter", " "]);
    keepIn(this.#panel.element);
    this.#root = h("div", { class: "root" }, this.#launcher.element, this.#panel.element, this.#announcer.outside);
    ignoreHeldEnter(this.#root);
    this.#layer = new Layer(this.#root);
    this.#focus = new LastFocus(element, this.#root);
    shadow.replaceChildren(this.#root, this.#layer.probe);
    this.#learning = new Learning(server, channel, (name) => this.#wish(name), (Availability, fact) => this.#answering(new Availability({
      h, fact, shadow, announce: say, chat: this.chat, session: this.#session, strings: this.#strings,
      advise: (sentence) => advise(server, "fact", sentence),
      answered: () => this.#composer.focus(),
    })));
    attract({ h, icon, keepIn, server, channel, element, chat: this.chat, panel: this.#panel, opening: this.opening, say: (name, n) => this.#strings.say(name, n) }, this.#stopped.signal);
    this.#dress();
    this.#listen();
    this.#begin();
  }

  /** Say when somebody answers, as far as that is known. */
  learn() {
    if (this.#panel.isOpen) void this.#learning.learn();
  }

  /** @returns {boolean} */
  get isModal() {
    return this.#panel.isModal;
  }

  /** The element is in a page again: put back what its way there took. */
  shown() {
    const refocus = this.#focus.lost();
    this.repaint();
    this.#layer.shown();
    this.#panel.shown();
    this.#log.shown();
    refocus();
  }

  /** Something that the site wishes has changed. @param {string} name */
  follow(name) {
    if (name === "email") this.chat.setEmail(this.#wish(name));
    this.#dress();
    this.repaint();
  }

  /** Say everything in other words. @param {import("./strings.js").Strings} strings */
  speak(strings) {
    this.#strings = strings;
    for (const part of [this.#banner, this.#composer, this.#header, this.#launcher, this.#log]) part.speak(strings);
    this.#learning.speak(strings);
    this.#dress();
  }

  repaint() {
    paint(this.#element, this.#root, this.#panel.element);
  }

  stop() {
    this.#stopped.abort();
    this.#learning.stop();
    for (const part of [this.#announcer, this.#banner, this.#layer, this.#log, this.opening, this.#panel]) part.stop();
    leaveVisit(this.#visit);
  }

  /** Leave nothing of that chat in the browser, shown or not. @param {string | null} server @param {string} channel */
  static forget(server, channel) {
    const visit = visitOf(server, channel);
    visit.chat.forget();
    leaveVisit(visit);
  }

  /** @param {string} name */
  #wish(name) {
    return this.#element.getAttribute(name) ?? "";
  }

  get #heading() {
    return this.#wish("heading") || this.#strings.say("heading");
  }

  /** Say and place everything as the site wishes it, without making anything anew. */
  #dress() {
    const strings = this.#strings;
    this.#panel.element.setAttribute("aria-label", this.#heading);
    this.#log.greet(this.#wish("greeting") || strings.say("greeting"));
    this.#launcher.element.hidden = this.#wish("launcher") === "none";
    this.#root.lang = strings.language;
    this.#root.dir = this.#wish("dir") || strings.direction;
    this.#root.dataset.position = this.#wish("position");
    this.#draw();
  }

  /** @param {import("./availability/availability.js").Availability} availability */
  #answering(availability) {
    this.#header.add(availability.word);
    this.#composer.element.before(availability.element);
    return availability;
  }

  #listen() {
    const { signal } = this.#stopped;
    const { chat } = this;
    const ends = [
      chat.on("change", () => this.#draw()),
      chat.on("forgotten", () => (this.#composer.recall(), this.#root.querySelector(".lightbox")?.remove())),
      chat.on("status", (status) => this.#told(status)),
      chat.on("message", (entry) => this.#arrived(entry)),
      chat.on("problem", (problem) => this.#element.tell("error", problem)),
      this.#visit.connection.on("state", (state) => state.name === "refused" && this.#element.tell("error", { code: "refused", message: state.reason })),
    ];
    signal.addEventListener("abort", () => ends.forEach((end) => end()));
    for (const name of ["focus", "pageshow"]) addEventListener(name, () => this.#look(), { signal });
    addEventListener("pageshow", ({ persisted }) => persisted && this.#composer.recall(), { signal });
    document.addEventListener("visibilitychange", () => this.#look(), { signal });
    watchTheme(() => isStale(this.#element, this.#root) && this.repaint(), signal);
  }

  #begin() {
    this.repaint();
    this.chat.resume();
    const email = this.#wish("email");
    if (email) this.chat.setEmail(email);
    this.opening.begin();
    this.#told(this.chat.status);
    this.#drawNow();
  }

  /** @param {boolean} open */
  #turned(open) {
    if (open) {
      this.repaint();
      this.chat.want();
      this.#log.toBottom();
      this.learn();
    }
    this.#draw();
    this.#element.tell(open ? "open" : "close", {});
  }

  /** @param {import("./status.js").Status} status */
  #told(status) {
    this.#composer.enable(status.phase !== "refused");
    this.#banner.show(status);
    this.#draw();
    if (status.phase === this.#phase) return;
    this.#phase = status.phase;
    this.#element.tell("state", { state: status.phase });
  }

  /** @param {import("./conversation.js").Entry} entry */
  #arrived(entry) {
    const { own, text, attachments, quickReplies, user, when, ref, state } = entry;
    // Not what another page sends: somebody may read further up here.
    if (state === "queued") this.#log.toBottom();
    if (!own) this.#announcer.say(messageWords(entry, this.#strings));
    this.#element.tell("message", { own, text, attachments, quickReplies, user, time: new Date(when), ref });
  }

  /** By a button that is gone then: go on where one would write the next answer. @param {() => void} act */
  #decided(act) {
    act();
    this.#drawNow();
    this.opening.enter();
  }

  /** The visitor may have read what there is. */
  #look() {
    if (this.#looking && this.chat.reading.markSeen()) this.#draw();
  }

  get #looking() {
    return this.#panel.isOpen && this.#element.isConnected && document.visibilityState === "visible" && this.#log.atBottom;
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
    const { conversation, history, reading, recalling, status } = this.chat;
    const entries = conversation.list();
    this.#header.show(this.#heading, this.#wish("subheading"), this.#wish("avatar"), agentOf(entries, Date.now()));
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
    if (unread > 0 && unread <= MOST && reading.allUnread) history.older();
  }
}
