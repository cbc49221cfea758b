/** The desk's page: what is shown follows from the book, and the book from the server. */
import { enlarge } from "./widget/attachments.js";
import { h } from "./widget/dom.js";
import { Notes } from "./widget/notes.js";
import { showConnection, showTrouble } from "./banner.js";
import { Book } from "./book.js";
import { Composer } from "./composer.js";
import { byId, icon } from "./dom.js";
import { Door } from "./door.js";
import { clearHead, handleRename, hideRename, showHead } from "./head.js";
import { handleKeys } from "./keys.js";
import { List } from "./list.js";
import { conversations, messages } from "./loading.js";
import { Log } from "./log.js";
import { showNothing } from "./nothing.js";
import { Notice } from "./notice.js";
import { Outbox, asMessage } from "./outbox.js";
import { Reading } from "./reading.js";
import { Search } from "./search.js";
import { Sender } from "./sender.js";
import { AGAIN, CHIP, Refusal, Stream, get, mayPass, newUuid, post, signOut } from "./server.js";
import { author, handleSettings, showSettings } from "./settings.js";
import { Tally } from "./tally.js";
import { nameOf, reason, strings, summary } from "./words.js";

/** @typedef {import("./server.js").Message} Message */

const book = new Book();
const notice = new Notice();
const tally = new Tally((unread) => notice.count(unread));
const notes = new Notes(document.body.dataset.desk ?? "", () => localStorage);
const outbox = new Outbox(notes);
const sender = new Sender(outbox, (message) => book.putAnswer(message), show);
const list = new List(byId("list"), choose);
const search = new Search(book, show, trouble);
const older = h("button", { type: "button", class: "more", onclick: () => search.more().then(show, trouble) }, "Older conversations");
const log = new Log(byId("log"), {
  // What has not failed, or not any more, is on its way.
  retry: (id) => void post(`messages/${id}/retry`, {}).catch((error) => isGone(error) || trouble(error)),
  earlier, edit, scrolled: markRead, sendNow: () => sender.go(), resend: (uuid) => outbox.retry(uuid),
  showPicture: (address, name) => enlarge(CHIP, document.body, strings, address, name),
});
const reading = new Reading(book, log, tally, showList, trouble);
const composer = new Composer(outbox, reply);
const stream = new Stream(hear, afresh, connectionChanged);
const door = new Door(() => {
  composer.keep(); // Another window may have left the desk, with all drafts.
  stream.open();
});

let chosen = 0;
let loaded = false;
let connected = false;
/** @type {Map<number, boolean>} */
const moreMessages = new Map();
/** An answer to what was asked for before the last gap is out of date. */
let gaps = 0;
/** The same of whatever was asked for before the desk was left. */
let visits = 0;

// What the server says.

/** @param {import("./server.js").News} news */
function hear({ conversation, message, settings }) {
  if (settings) showSettings(settings);
  const isNew = message && book.putMessage(message);
  if (message) outbox.remove(message.uuid);
  if (conversation) {
    book.put(conversation);
    tally.count();
    if (isNew && message.incoming) notice.arrived(`${nameOf(conversation)}: ${summary(message)}`);
  }
  show();
}

/** Anything may have happened unheard. What was shown stays, and is asked for again. */
async function afresh() {
  const mine = ++gaps;
  sender.go();
  tally.count();
  book.doubt(chosen);
  const moment = book.ask();
  try {
    const found = await conversations(book.listed);
    if (mine !== gaps) return;
    book.relist(found.conversations, found.more, moment);
    loaded = true;
    showSettings(found.settings);
    showList(); // The open conversation may take long.
    await search.find();
    if (chosen) await load(chosen, book.messages(chosen)[0]?.id);
  } catch (error) {
    trouble(error);
    if (mayPass(error)) setTimeout(() => mine === gaps && connected && afresh(), AGAIN);
  }
  show();
}

/** The end of a conversation, down to a message that was shown already. @param {number} id @param {number} [oldest] */
async function load(id, oldest = Infinity) {
  const mine = visits;
  const moment = book.ask();
  const found = await messages(id, oldest);
  if (mine !== visits || id !== chosen) return;
  const first = found.messages[0]?.id ?? 0;
  book.put(found.conversation, moment);
  if (oldest < Infinity && !found.reached) book.forgetBefore(id, first);
  book.putPage(id, found.messages);
  if (book.messages(id)[0]?.id === first) moreMessages.set(id, found.more);
}

// What the person does.

/** @param {number} id */
async function choose(id) {
  if (byId("desk").hidden) return; // Nobody is here.
  chosen = id;
  location.hash = id ? String(id) : "";
  composer.open(id);
  hideRename();
  show();
  if (!id) return;
  const ready = composer.enter(book.conversations.get(id));
  const focused = document.activeElement;
  if (!(await loads(id))) return;
  show();
  log.toEnd();
  // Whoever writes elsewhere meanwhile goes on there.
  if (!ready && document.activeElement === focused) composer.enter(book.conversations.get(id));
}

/** Whether the conversation is there, and still the one to be shown. @param {number} id @returns {Promise<boolean>} */
async function loads(id) {
  try {
    await load(id);
    return id === chosen;
  } catch (error) {
    if (id !== chosen) return false;
    if (isGone(error)) choose(0);
    else trouble(error);
    if (!mayPass(error)) return false;
    await new Promise((resolve) => setTimeout(resolve, AGAIN));
    // Once there is a connection again, it is asked for anyway.
    return id === chosen && connected && loads(id);
  }
}

/** Whether it was taken. @param {import("./composer.js").Draft} draft */
function reply(draft) {
  if (outbox.isFull) {
    notice.say(showTrouble("Too many replies wait to be sent."));
    return false;
  }
  outbox.add(newUuid(), chosen, author(), draft);
  log.toEnd();
  return true;
}

/** Take a reply back that was refused. @param {string} uuid */
function edit(uuid) {
  const taken = outbox.remove(uuid);
  if (taken) composer.restore(taken);
}

async function earlier() {
  const id = chosen;
  const mine = gaps;
  const first = book.messages(id)[0];
  try {
    const found = first && (await get(`conversations/${id}`, { before: first.id }));
    // After a gap it may not lie next to what is known.
    if (!found || mine !== gaps || book.messages(id)[0]?.id !== first.id) return;
    book.putPage(id, found.messages);
    moreMessages.set(id, found.more);
  } catch (error) {
    trouble(error);
  }
  show();
}

function markRead() {
  reading.look(chosen);
}

// What is shown.

function show() {
  showList();
  const conversation = book.conversations.get(chosen);
  byId("desk").classList.toggle("reading", chosen > 0);
  byId("open").hidden = !conversation;
  showNothing(Boolean(conversation) || !loaded, book.list.length === 0 && search.shown === "");
  if (!conversation) return;
  showHead(conversation, connected);
  byId("composer").hidden = conversation.read_only;
  const confirmed = book.messages(chosen);
  const known = new Set(confirmed.map(({ uuid }) => uuid));
  const unsent = outbox.of(chosen).filter(({ uuid }) => !known.has(uuid));
  log.show(chosen, [...confirmed, ...unsent.map((one) => asMessage(one, sender.troubled))], moreMessages.get(chosen) ?? false);
  markRead();
}

function showList() {
  if (!loaded) return void list.wait();
  list.show(book.list, chosen);
  const note = byId("list-note");
  const focused = document.activeElement === older;
  if (book.more) {
    if (!older.isConnected) note.replaceChildren(older);
  } else if (book.list.length > 0) note.replaceChildren();
  else note.textContent = search.shown ? `Nothing found for “${search.shown}”.` : "No conversations yet.";
  if (focused && !older.isConnected) list.walk(Infinity);
}

/** @param {import("./server.js").Connection} state */
function connectionChanged(state) {
  connected = state === "open";
  if (state === "ended") return leave();
  // Who is online is not known while nothing is heard.
  byId("desk").classList.toggle("cut-off", !connected);
  show();
  showConnection(state);
}

/** Of what was read nothing stays behind; what was being written does. */
function leave() {
  gaps += 1;
  visits += 1;
  search.forget();
  tally.forget();
  clearHead();
  book.clear();
  showConnection("ended");
  log.show(0, [], false);
  notice.say("");
  show();
  door.shut();
}

/** @param {unknown} error */
function isGone(error) {
  return error instanceof Refusal && error.status === 404;
}

/** @param {unknown} error */
function trouble(error) {
  if (error instanceof Refusal && error.status === 401) return; // The door says it.
  notice.say(showTrouble(`That did not work. ${reason(error)}`));
}

// Handles.

byId("back").append(icon("back"));
byId("back").setAttribute("aria-label", "All conversations");

handleSettings(trouble);
byId("logout").addEventListener("click", () => {
  if (!outbox.isEmpty && !confirm("Some replies or drafts are not sent yet. Leave the desk, and drop them?")) return;
  outbox.forget(); // First: the session may end, and nobody hear of it.
  signOut().catch(trouble);
});
byId("back").addEventListener("click", () => choose(0));
handleRename((name) => {
  if (name === undefined) return book.conversations.get(chosen)?.name ?? "";
  post(`conversations/${chosen}/name`, { name }).catch(trouble);
  return name;
});
handleKeys(list, () => {
  if (!chosen) return;
  const id = chosen;
  choose(0);
  byId("list").querySelectorAll("button")[book.list.findIndex((one) => one.id === id)]?.focus();
});
addEventListener("visibilitychange", markRead);
addEventListener("hashchange", () => {
  const wanted = Number(location.hash.slice(1)) || 0;
  if (wanted !== chosen) choose(wanted);
});
addEventListener("storage", (event) => notes.heard(event));
outbox.on("change", () => {
  sender.go();
  show();
});
list.wait();
stream.open();
sender.go();
const wanted = Number(location.hash.slice(1)) || 0;
if (wanted) choose(wanted);
