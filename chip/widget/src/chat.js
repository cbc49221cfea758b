/**
 * One visitor's chat: what the widget does, without a page to do it on.
 *
 * Owns what each frame of the server means to the parts, and who is told what. Knows nothing of how
 * anything looks; tells by events.
 *
 *     idle ──want──▶ (turn) ──▶ connected ──start_chat──▶ ready ──▶ history, sends, e-mail
 *                                   ▲                       │
 *                                   └─────── line lost ◀────┘
 */
import { Answers } from "./answers.js";
import { Conversation } from "./conversation.js";
import { Email } from "./email.js";
import { Emitter } from "./emitter.js";
import { History } from "./history.js";
import { Outbox } from "./outbox.js";
import { Reading } from "./reading.js";
import { Sender } from "./sender.js";
import { Start } from "./start.js";
import { statusOf } from "./status.js";
import { Timers } from "./timers.js";
import { cleanText, patienceFor } from "./wire.js";

/**
 * @typedef {object} Events
 * @property {null} change  the conversation, or what is on its way
 * @property {null} forgotten  nothing of this visitor is to be left, here or on another page
 * @property {import("./conversation.js").Entry} message  a new one, from either side
 * @property {import("./status.js").Status} status
 * @property {import("./wire.js").Problem} problem  for developers
 */

/** @extends {Emitter<Events>} */
export class Chat extends Emitter {
  #connection;
  #notes;
  #world;
  #outbox;
  #sender;
  #start;
  #timers;
  #wanted = false;
  /** @type {"down" | "starting" | "ready"} */
  #line = "down";
  /** The chat that the server serves us. */
  #chat = "";
  #email;

  /**
   * @param {{ channel: string, connection: import("./connection.js").Connection, notes: import("./notes.js").Notes,
   *   world: import("./connection.js").World, locks?: LockManager }} parts
   */
  constructor({ channel, connection, notes, world, locks }) {
    super();
    this.#connection = connection;
    this.#notes = notes;
    this.#world = world;
    const timers = (this.#timers = new Timers(world));
    const outbox = (this.#outbox = new Outbox(notes, world.now));
    const conversation = (this.conversation = new Conversation(outbox));
    this.reading = new Reading(conversation, notes);
    const answers = new Answers(connection, timers);
    this.#start = new Start({ channel, notes, answers, timers, now: world.now, locks });
    const history = (this.history = new History(conversation, { answers, later: (run, seconds) => timers.set("history", seconds, run) }));
    this.#sender = new Sender(outbox, { answers, history, now: world.now, timers, changed: () => this.#tell() });
    this.#email = new Email((email) => connection.send({ type: "set_email", email }), timers);
    history.on("news", (entry) => this.#tellOf(entry));
    history.on("change", () => this.emit("change", null));
    outbox.on("change", () => this.emit("change", null));
    notes.on("lost", (name) => name === "chat" && this.#forgotten());
    notes.on("change", (name) => this.#noteChanged(name));
    connection.on("open", () => this.#begin());
    connection.on("lost", ({ code }) => this.#lost(code));
    connection.on("frame", (frame) => this.#heard(frame));
    connection.on("state", ({ name }) => name === "refused" && this.#start.over());
    connection.on("state", () => this.#tell());
  }

  /** Begin where another page left off, if there is a chat or something to send. */
  resume() {
    if (this.#notes.get("chat") || this.#outbox.next()) this.want();
  }

  /** The visitor wants to chat: connect, now and from now on. */
  want() {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#start.when(() => this.#connection.start());
    this.#tell();
  }

  /** @param {string} text @returns {string | null} its ref, or null if there is nothing to send */
  send(text) {
    const clean = cleanText(text);
    if (!clean) return null;
    const { ref } = this.#outbox.add(clean);
    this.want();
    const entry = this.conversation.list().find((one) => one.ref === ref);
    if (entry) this.emit("message", entry);
    return ref;
  }

  /** @param {string} ref */
  retry(ref) {
    this.#outbox.retry(ref);
    this.want();
  }

  /** @param {string} ref */
  discard(ref) {
    this.#outbox.remove(ref);
  }

  /** @param {string} email */
  setEmail(email) {
    this.#email.set(email);
  }

  /** The visitor's e-mail, if anybody has said it. */
  get email() {
    return this.#email.known;
  }

  /** Whatever the server or the browser said, try now. */
  tryNow() {
    if (this.#line === "ready") this.#sender.resume();
    else if (this.#start.pausedUntil !== null) this.#begin();
    this.#connection.nudge(true);
  }

  /** The page was looked at, or the network changed. */
  nudge() {
    this.#connection.nudge();
    this.#tell();
  }

  /** Hang up. @returns {() => void} call it to go on, where the other pages are by then */
  stop() {
    const wanted = this.#wanted;
    this.#start.over();
    this.#wanted = false;
    this.#lost(1001); // going away
    this.#connection.stop();
    return () => {
      // What is in the outbox now may be the next visitor's.
      const left = this.#chat && this.#notes.get("chat") !== this.#chat;
      if (left) this.#leave();
      this.#outbox.recall();
      wanted && !left ? this.want() : this.resume();
    };
  }

  /** Leave nothing behind in the browser. */
  forget() {
    // So that the other pages hear of it where there is no chat yet, too.
    this.#notes.set("chat", "");
    this.#forgotten();
    for (const name of this.#notes.names("")) this.#notes.remove(name);
  }

  /** Whether there is a past that is not here yet. */
  get recalling() {
    return this.#wanted && !this.history.known && this.#notes.get("chat") !== null;
  }

  get status() {
    return statusOf({
      wanted: this.#wanted, line: this.#connection.state, ready: this.#line === "ready", online: this.#world.online(),
      cannotStartUntil: this.#start.pausedUntil, pausedUntil: this.#sender.pausedUntil,
    });
  }

  #begin() {
    this.#line = "starting";
    this.history.lost();
    this.#start.begin();
    this.#tell();
  }

  /** @param {any} frame */
  #heard(frame) {
    switch (frame.type) {
      case "chat_started": return this.#started(frame.chat_id);
      case "chat_resumed": return this.#ready(frame.chat_id, frame.email ?? "");
      case "chat_out": return this.#received(frame.msg_out);
      case "msg_accepted": return this.#sender.accepted(frame.ref);
      case "msg_echo": return this.#tellOf(this.conversation.addEcho(frame.msg_in, this.#chat));
      case "history": return this.history.received(frame.history ?? [], frame.more);
      case "resync": return this.history.catchUp();
      case "error": return this.#failed(frame);
    }
  }

  /** @param {string} id */
  #started(id) {
    if (!this.#start.started(id)) return this.#connection.replace();
    this.#clear(false);
    return this.#ready(id, "");
  }

  /** @param {string} id @param {string} email */
  #ready(id, email) {
    this.#start.done();
    this.#line = "ready";
    this.#chat = id;
    this.#connection.settled();
    // What waits does not wait for the answer: it may be sent again, which the server knows by its ref.
    this.history.catchUp();
    this.#sender.begin(id);
    this.#email.begin(email);
  }

  /** @param {import("./wire.js").MsgOut} message */
  #received(message) {
    const { id, uuid } = message;
    const entry = this.conversation.addOut(message);
    this.#connection.send(id === undefined ? { type: "ack_chat", msg_uuid: uuid } : { type: "ack_chat", msg_id: id });
    if (entry) this.reading.came(entry);
    this.#tellOf(entry);
  }

  /** @param {import("./conversation.js").Entry | null} entry */
  #tellOf(entry) {
    if (!entry) return;
    this.emit("change", null);
    this.emit("message", entry);
  }

  /** @param {import("./wire.js").Problem} problem */
  #failed(problem) {
    this.emit("problem", problem);
    const { code, command } = problem;
    const patience = patienceFor(problem);
    if (code === "chat_not_started") return this.#line === "ready" ? this.#begin() : undefined;
    if (code === "chat_already_started") return undefined;
    if (command === "start_chat") {
      this.#start.refused(patience, () => this.#begin());
      return this.#tell();
    }
    if (command === "get_history") return this.history.failed(patience);
    if (command === "set_email") return this.#email.refused(code, patience);
    return this.#sender.refused(problem, patience);
  }

  /** @param {number} code */
  #lost(code) {
    this.#line = "down";
    this.#timers.dropAll();
    this.#start.lost();
    this.#sender.lost(code);
    this.#email.lost();
    this.history.lost();
    this.#tell();
  }

  /** Another page wrote something. @param {string} name */
  #noteChanged(name) {
    if (name === "seen") this.emit("change", null);
    const id = this.#notes.get("chat");
    if (name === "chat" && id) this.#follow(id);
  }

  /** Be in the chat that the other pages are in. @param {string} id */
  #follow(id) {
    this.#start.over();
    this.#wanted = true;
    if (this.#chat && id !== this.#chat) {
      // It found that the server no longer knows the chat of this one.
      this.#clear(true);
      this.#connection.replace();
    }
    this.#connection.start();
    this.#tell();
  }

  /** Begin anew, when the visitor wants to. */
  #forgotten() {
    this.stop();
    this.#outbox.clear();
    this.#leave();
  }

  /** The chat is over, and its visitor perhaps gone. */
  #leave() {
    this.#email.set("");
    this.#clear(true);
    this.emit("forgotten", null);
  }

  /** Another chat. @param {boolean} past  whether it may have one: a new one has not */
  #clear(past) {
    this.#chat = "";
    this.conversation.clear();
    this.history.begin(past);
  }

  #tell() {
    this.emit("status", this.status);
  }
}
