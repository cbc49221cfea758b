/**
 * One page of a site with the widget's logic in it, and the words of the server's side.
 */
import { Chat } from "../../../chip/widget/src/chat.js";
import { Connection } from "../../../chip/widget/src/connection.js";
import { Notes } from "../../../chip/widget/src/notes.js";
import { FakeStorage, World } from "./world.js";

export const CHANNEL = "7d62d551-3030-4100-a260-2d7c4e9693e7";

export class Page {
  events = [];

  /**
   * @param {object} [parts]
   * @param {FakeStorage} [parts.storage]  shared with other pages
   * @param {World} [parts.world]
   */
  constructor({ storage = new FakeStorage(), world = new World(), locks } = {}) {
    this.storage = storage;
    this.world = world;
    this.notes = new Notes(CHANNEL, () => this.view(storage));
    this.connection = new Connection("https://chat.example/wc/connect/x", world);
    this.chat = new Chat({ channel: CHANNEL, connection: this.connection, notes: this.notes, world, locks });
    this.chat.on("message", (entry) => this.events.push(entry.text));
    this.chat.on("problem", (problem) => this.events.push(problem));
    storage.pages?.push(this);
    this.chat.resume();
  }

  /** The storage as this page sees it: what it writes, the others are told. */
  view(storage) {
    if (!storage) return undefined;
    const change = (method, key, newValue = null) => {
      const oldValue = storage.getItem(key);
      storage[method](key, newValue);
      if (oldValue === newValue) return;
      for (const page of storage.pages) if (page !== this) page.notes.heard({ key, newValue, oldValue, storageArea: page.area });
    };
    this.area = new Proxy(storage, {
      get: (target, name) => {
        if (name === "setItem" || name === "removeItem") return (key, value) => change(name, key, value);
        return Reflect.get(target, name);
      },
    });
    return this.area;
  }

  get line() {
    return this.world.line;
  }

  /** Become connected, with a new chat or the known one, and an empty or given history. */
  serve({ chat = "chat1", history = [], more } = {}) {
    this.line.opens();
    const { chat_id: asked } = this.line.heard("start_chat").at(-1);
    if (asked) this.line.says({ type: "chat_resumed", chat_id: asked, email: "" });
    else this.line.says({ type: "chat_started", chat_id: chat });
    this.line.says({ type: "history", history, more });
    return this;
  }

  /** Lose the line and find it again. */
  again(how) {
    this.reconnect();
    return this.serve(how);
  }

  /** Lose the line, and begin another. */
  reconnect() {
    this.line.ends();
    this.connection.nudge();
  }

  /** Leave this page for another one of the same browser. */
  leave() {
    this.chat.stop();
    this.storage.pages.splice(this.storage.pages.indexOf(this), 1);
    return new Page({ storage: this.storage });
  }

  accept(ref = this.line.heard("send_msg").at(-1).ref) {
    this.line.says({ type: "msg_accepted", ref });
  }

  /** What went out on this line. */
  get sent() {
    return this.line.heard("send_msg").map(({ text }) => text);
  }

  /** What the page shows: `text`, and the state of what is not sent. */
  get shown() {
    return this.chat.conversation.list().map(({ text, own, state }) => (own && state !== "sent" ? `${text} (${state})` : text));
  }
}

let ids = 100;

/** @param {number} minute */
export const at = (minute, fraction = "") => `2026-05-04T09:${String(minute).padStart(2, "0")}:00${fraction}Z`;

export const out = (text, minute, more = {}) => ({ msg_out: { id: ++ids, text, origin: "chat", time: at(minute), ...more } });
export const own = (text, minute, more = {}) => ({ msg_in: { id: ++ids, text, time: at(minute), ...more } });
export const live = ({ msg_out }) => ({ type: "chat_out", msg_out });
/** As the server sends it: newest first. */
export const newest = (...items) => items.reverse();
