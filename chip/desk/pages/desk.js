/** The desk's page: what is shown follows from the book, and the book from the server. */
import { h } from "./widget/dom.js";
import { Lightbox } from "./widget/lightbox.js";
import { isComposing } from "./widget/typing.js";
import { Book } from "./book.js";
import { Composer } from "./composer.js";
import { byId, icon } from "./dom.js";
import { Door } from "./door.js";
import { showHead } from "./head.js";
import { List } from "./list.js";
import { Log } from "./log.js";
import { Notice, remember, remembered } from "./notice.js";
import { Refusal, Stream, get, newUuid, post, signOut } from "./server.js";
import { nameOf, strings, summary } from "./words.js";

const AUTHOR = "chip-desk-author";

/** @typedef {import("./server.js").Message} Message */

const book = new Book();
const notice = new Notice();
const list = new List(byId("list"), choose);
const lightbox = new Lightbox(strings, () => document.body);
const log = new Log(byId("log"), { retry, earlier, scrolled: markRead, showPicture: (address, name) => lightbox.show(address, name) });
const composer = new Composer(reply);
const stream = new Stream(hear, afresh, connectionChanged);
const door = new Door(() => stream.open());

let chosen = 0;
let search = "";
let loaded = false;
let connected = false;
let moreConversations = false;
/** @type {Map<number, boolean>} */
const moreMessages = new Map();
/** What was asked for last: an answer to anything before it is out of date. */
let asked = 0;

// What the server says.

/** @param {import("./server.js").News} news */
function hear({ conversation, message, settings }) {
  if (settings) showSettings(settings);
  const isNew = message && book.putMessage(message);
  if (conversation) {
    // In a search, only what was found is listed.
    if (search === "" || book.conversations.has(conversation.id)) book.put(conversation);
    if (isNew && message.incoming) notice.arrived(`${nameOf(conversation)}: ${summary(message)}`);
  }
  show();
}

async function afresh() {
  const mine = ++asked;
  try {
    const found = await get("conversations", { search, before: 0 });
    if (mine !== asked) return;
    book.conversations.clear();
    book.forgetMessages();
    found.conversations.forEach((/** @type {any} */ one) => book.put(one));
    moreConversations = found.more;
    loaded = true;
    showSettings(found.settings);
    if (chosen) await load(chosen);
  } catch (error) {
    trouble(error);
  }
  show();
}

/** @param {number} id @param {number} [before] */
async function load(id, before = 0) {
  const found = await get(`conversations/${id}`, { before });
  if (search === "" || book.conversations.has(id)) book.put(found.conversation);
  opened = found.conversation;
  found.messages.forEach((/** @type {Message} */ message) => book.putAnswer(message));
  moreMessages.set(id, found.more);
}

/** The chosen conversation, which a search need not have found. @type {import("./server.js").Conversation | null} */
let opened = null;

// What the person does.

/** @param {number} id */
async function choose(id) {
  chosen = id;
  location.hash = id ? String(id) : "";
  composer.open(id);
  hideRename();
  show();
  if (!id) return;
  try {
    await load(id);
  } catch (error) {
    if (error instanceof Refusal && error.status === 404) return void choose(0);
    trouble(error);
  }
  if (id !== chosen) return;
  show();
  log.toEnd();
  if (matchMedia("(min-width: 761px)").matches && !opened?.read_only) composer.focus();
}

/** @param {import("./composer.js").Draft} draft */
async function reply(draft) {
  const id = chosen;
  const body = { uuid: newUuid(), author: byId("author").value.trim(), ...draft };
  try {
    const { message } = await post(`conversations/${id}/messages`, body);
    book.putAnswer(message);
    show();
    log.toEnd();
  } catch (error) {
    trouble(error);
    if (id === chosen) composer.restore(draft);
  }
}

/** @param {number} id */
function retry(id) {
  post(`messages/${id}/retry`, {}).catch(trouble);
}

async function earlier() {
  const first = book.messages(chosen)[0];
  if (first) await load(chosen, first.id).catch(trouble);
  show();
}

/** What is shown at the end of an open, visible conversation has been read. */
function markRead() {
  const conversation = book.conversations.get(chosen) ?? opened;
  const last = book.messages(chosen).at(-1);
  byId("newer").hidden = !chosen || log.atEnd || !conversation?.unread;
  if (!chosen || !last || !conversation?.unread || document.hidden || !log.atEnd) return;
  conversation.unread = 0;
  post(`conversations/${chosen}/read`, { up_to: last.id }).catch(trouble);
  showList();
}

// What is shown.

function show() {
  showList();
  const conversation = book.conversations.get(chosen) ?? (opened?.id === chosen ? opened : null);
  byId("desk").classList.toggle("reading", chosen > 0);
  byId("open").hidden = !conversation;
  showNothing(Boolean(conversation));
  if (!conversation) return;
  showHead(conversation, connected);
  byId("composer").hidden = conversation.read_only;
  log.show(chosen, book.messages(chosen), moreMessages.get(chosen) ?? false);
  markRead();
}

function showList() {
  if (!loaded) return void list.wait();
  list.show(book.list, chosen);
  notice.count(book.unread);
  const note = byId("list-note");
  if (moreConversations) {
    note.replaceChildren(h("button", { type: "button", class: "more", onclick: olderConversations }, "Older conversations"));
  } else if (book.list.length > 0) note.replaceChildren();
  else note.textContent = search ? `Nothing found for “${search}”.` : "No conversations yet.";
}

/** @param {boolean} open */
function showNothing(open) {
  const place = byId("nothing");
  if (open || !loaded) return void place.replaceChildren();
  const isFirst = book.list.length === 0 && search === "";
  place.replaceChildren(
    icon("chat"),
    h("b", {}, isFirst ? "Nobody has written yet" : "Choose a conversation"),
    h("p", {}, ...(isFirst
      ? ["When a visitor writes, it shows up here at once. ", h("a", { href: "../", target: "_blank", rel: "noopener" }, "Open the chat"), " and say hello to yourself."]
      : ["Arrow keys move through the list, / searches it."])),
  );
}

/** @param {import("./server.js").Settings} settings */
function showSettings(settings) {
  byId("guide").checked = settings.guide;
}

/** @param {import("./server.js").Connection} state */
function connectionChanged(state) {
  connected = state === "open";
  if (state === "ended") return leave();
  // Who is online is not known while nothing is heard.
  byId("desk").classList.toggle("cut-off", !connected);
  show();
  const banner = byId("banner");
  banner.hidden = connected;
  if (state === "lost") banner.textContent = "The connection to Chip is lost. Trying again; nothing is lost meanwhile.";
}

/** Of what was read nothing stays behind; what was being written does. */
function leave() {
  asked += 1;
  book.conversations.clear();
  book.forgetMessages();
  opened = null;
  byId("banner").hidden = true;
  log.show(0, [], false);
  notice.say("");
  show();
  door.shut();
}

/** @param {unknown} error */
function trouble(error) {
  if (error instanceof Refusal && error.status === 401) return; // The door says it.
  const why = error instanceof Refusal ? error.message : "the server cannot be reached";
  notice.say(`That did not work: ${why}.`);
  if (!(error instanceof Refusal)) return;
  const banner = byId("banner");
  banner.hidden = false;
  banner.textContent = `That did not work: ${why}.`;
  setTimeout(() => connected && (banner.hidden = true), 6000);
}

async function olderConversations() {
  const last = book.list.at(-1);
  const found = await get("conversations", { search, before: last?.id ?? 0 }).catch(trouble);
  if (!found) return;
  found.conversations.forEach((/** @type {any} */ one) => book.put(one));
  moreConversations = found.more;
  show();
}

function hideRename() {
  byId("rename").hidden = true;
  byId("who").hidden = false;
}

// Handles.

byId("settings-button").append(icon("settings"));
byId("settings-button").setAttribute("aria-label", "Settings");
byId("back").append(icon("back"));
byId("back").setAttribute("aria-label", "All conversations");
byId("newer").textContent = "New messages";
byId("author").value = remembered(AUTHOR) ?? "";

byId("settings-button").addEventListener("click", () => {
  const panel = byId("settings");
  panel.hidden = !panel.hidden;
  byId("settings-button").setAttribute("aria-expanded", String(!panel.hidden));
});
byId("author").addEventListener("input", () => remember(AUTHOR, byId("author").value));
byId("guide").addEventListener("change", () => {
  post("settings", { guide: byId("guide").checked }).then(({ settings }) => showSettings(settings)).catch(trouble);
});
byId("logout").addEventListener("click", () => signOut().catch(trouble));
byId("back").addEventListener("click", () => choose(0));
byId("newer").addEventListener("click", () => log.toEnd());
byId("who").addEventListener("click", () => {
  byId("who").hidden = true;
  byId("rename").hidden = false;
  byId("new-name").value = (book.conversations.get(chosen) ?? opened)?.name ?? "";
  byId("new-name").focus();
});
byId("new-name").addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
  if (event.key !== "Escape" || isComposing(event)) return;
  hideRename();
  byId("who").focus();
  event.stopPropagation();
});
byId("rename").addEventListener("submit", (/** @type {Event} */ event) => {
  event.preventDefault();
  post(`conversations/${chosen}/name`, { name: byId("new-name").value }).catch(trouble);
  hideRename();
  byId("who").focus();
});
let typing = 0;
byId("search").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => {
    search = byId("search").value.trim();
    afresh();
  }, 200);
});
addEventListener("keydown", (event) => {
  if (isComposing(event)) return;
  const inField = event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement;
  if (event.key === "/" && !inField && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    byId("search").focus();
  } else if (event.key === "Escape" && event.target === byId("search")) {
    byId("list").querySelector("button")?.focus();
  } else if (event.key === "Escape" && chosen) {
    const id = chosen;
    choose(0);
    byId("list").querySelectorAll("button")[book.list.findIndex((one) => one.id === id)]?.focus();
  }
});
addEventListener("visibilitychange", markRead);
addEventListener("hashchange", () => {
  const wanted = Number(location.hash.slice(1)) || 0;
  if (wanted !== chosen) choose(wanted);
});

list.wait();
stream.open();
const wanted = Number(location.hash.slice(1)) || 0;
if (wanted) choose(wanted);
