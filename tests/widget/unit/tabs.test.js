import assert from "node:assert/strict";
import { test } from "node:test";
import { at, live, newest, out, own, Page } from "./page.js";
import { FakeStorage } from "./world.js";

/** Two pages of one site, both connected to the same chat. */
function two(history = []) {
  const storage = new FakeStorage();
  const one = new Page({ storage });
  one.chat.want();
  one.serve({ history });
  const other = new Page({ storage }).serve({ history });
  return { one, other, storage };
}

test("a page that was idle joins the chat that another one starts", () => {
  const storage = new FakeStorage();
  const idle = new Page({ storage });
  const one = new Page({ storage });
  one.chat.want();
  one.serve({ chat: "chat1" });
  idle.line.opens();
  assert.deepEqual(idle.line.heard("start_chat"), [{ type: "start_chat", chat_id: "chat1" }]);
});

test("what one page sends is shown by both, from the first moment", () => {
  const { one, other } = two();
  one.chat.send("hello");
  assert.deepEqual(other.shown, ["hello (queued)"]);
  one.accept();
  assert.deepEqual(other.shown, ["hello"]);
});

test("an echo of a message that came by the storage too is shown once", () => {
  const { one, other } = two();
  const ref = one.chat.send("hello");
  one.accept();
  other.line.says({ type: "msg_echo", msg_in: { text: "hello", ref, time: at(1) } });
  assert.deepEqual(other.shown, ["hello"]);
});

test("an echo from another device is shown once, and again known from the history", () => {
  const { one } = two([out("hi", 0)]);
  const echo = { type: "msg_echo", msg_in: { text: "from my phone", ref: "phone1", time: at(1) } };
  one.line.says(echo);
  one.line.says(echo);
  assert.deepEqual(one.shown, ["hi", "from my phone"]);
  one.again({ history: newest(out("hi", 0, { id: 1 }), own("from my phone", 1)) });
  assert.deepEqual(one.shown.filter((text) => text === "from my phone").length, 1);
});

test("a message that one page found in the history stays on the other until it does too", () => {
  const { one, other } = two();
  const ref = one.chat.send("hello");
  one.accept();
  const history = [own("hello", 3, { ref })];
  one.again({ history });
  assert.deepEqual(other.shown, ["hello"]);
  other.again({ history });
  assert.deepEqual(other.shown, ["hello"]);
});

test("both pages may send what waits, and the server takes it once", () => {
  const { one, other } = two();
  const ref = one.chat.send("hello");
  assert.deepEqual(other.line.heard("send_msg"), [{ type: "send_msg", text: "hello", ref }]);
});

test("each page puts a message after what it knows itself", () => {
  const { one, other } = two();
  other.line.says({ type: "resync" });
  other.line.says({ type: "history", history: [own("from my phone", 1)] });
  other.chat.send("from here");
  one.accept();
  other.accept();
  assert.deepEqual(other.shown, ["from my phone", "from here"]);
  assert.deepEqual(one.shown, ["from here"]);
});

test("a failed message that is deleted on one page is gone on the other", () => {
  const { one, other } = two();
  const ref = one.chat.send("bad");
  one.line.says({ type: "error", code: "rejected", command: "send_msg", ref });
  assert.deepEqual(other.shown, ["bad (failed)"]);
  one.chat.discard(ref);
  assert.deepEqual(other.shown, []);
});

test("what one page forgets is forgotten by all, and stays so", async () => {
  const { one, other, storage } = two([out("hi", 0)]);
  other.chat.send("hello");
  other.accept();
  other.line.ends();
  other.chat.setEmail("ann@example.com");
  other.chat.send("waits");
  other.connection.nudge();
  other.line.opens();
  one.chat.forget();
  assert.equal(other.line.closed, true);
  assert.deepEqual(other.shown, []);
  assert.deepEqual(other.chat.status, { phase: "idle" });
  other.line.says(live(out("an answer", 2)));
  other.chat.reading.markSeen();
  await other.world.pass(3600);
  assert.equal(other.world.line.closed, true);
  assert.deepEqual(Object.keys(storage), []);
});

/** How often this page is told that nothing of its visitor is to be left. */
function forgottenBy(page) {
  const told = { times: 0 };
  page.chat.on("forgotten", () => told.times++);
  return told;
}

test("what one page forgets before there is a chat is forgotten by all, too", () => {
  const storage = new FakeStorage();
  const other = new Page({ storage });
  const one = new Page({ storage });
  other.chat.setEmail("ann@example.com");
  other.chat.send("waits");
  const told = forgottenBy(other);
  one.chat.forget();
  assert.ok(told.times > 0);
  assert.deepEqual(other.shown, []);
  assert.deepEqual(other.chat.email, "");
  assert.deepEqual(other.chat.status, { phase: "idle" });
  assert.deepEqual(Object.keys(storage), []);
});

for (const chat of ["", "chat1"]) {
  test(`what is written on a page that has forgotten ${chat || "no chat"} stays, whatever it hears of that later`, () => {
    const storage = new FakeStorage();
    const one = new Page({ storage });
    const other = new Page({ storage });
    if (chat) one.notes.set("chat", chat);
    const told = forgottenBy(other);
    const late = [];
    const heard = other.notes.heard.bind(other.notes);
    other.notes.heard = (event) => (told.times ? late.push(event) : heard(event));
    one.chat.forget();
    other.chat.send("my own");
    late.forEach(heard);
    assert.equal(told.times, 1);
    assert.deepEqual(other.shown, ["my own (queued)"]);
  });
}

test("what one page forgets is forgotten by a page that slept, too, though there is another chat by then", () => {
  const { one, other } = two([out("hi", 0)]);
  const late = [];
  const heard = other.notes.heard.bind(other.notes);
  other.notes.heard = (event) => late.push(event);
  other.chat.setEmail("ann@example.com");
  const told = forgottenBy(other);
  one.chat.forget();
  one.chat.send("my own");
  one.serve({ chat: "chat2" });
  late.forEach(heard);
  assert.ok(told.times > 0);
  assert.equal(other.chat.email, "");
  assert.deepEqual(other.shown, ["my own (queued)"]);
  assert.deepEqual(one.shown, ["my own (queued)"]);
});

test("who writes after another page forgot the chat begins a new one, with nothing of the last", () => {
  const { one, other } = two([out("hi", 0)]);
  other.chat.setEmail("ann@example.com");
  one.chat.forget();
  other.chat.send("hello");
  other.serve({ chat: "chat2" });
  assert.deepEqual(other.line.heard("start_chat"), [{ type: "start_chat" }]);
  assert.deepEqual(other.line.heard("set_email"), []);
  assert.deepEqual(other.shown, ["hello (queued)"]);
});

test("a page without a line shows nothing of the last chat when another page begins a new one", () => {
  const { one, other } = two([out("hi", 0)]);
  other.line.ends();
  one.reconnect();
  one.line.opens();
  one.line.says({ type: "chat_started", chat_id: "chat2" });
  assert.deepEqual(other.shown, []);
});

test("an echo that is faster than the storage is shown once", () => {
  const { one, other } = two();
  const late = [];
  const heard = other.notes.heard.bind(other.notes);
  other.notes.heard = (event) => late.push(event);
  const ref = one.chat.send("hello");
  one.accept();
  other.line.says({ type: "msg_echo", msg_in: { text: "hello", ref, time: at(1) } });
  late.forEach(heard);
  assert.deepEqual(other.shown, ["hello"]);
  other.again({ history: [own("hello", 1, { ref })] });
  assert.deepEqual(other.shown, ["hello"]);
});

/** Put a page aside, as a browser does that keeps it for the way back. */
function aside(page) {
  const { pages } = page.storage;
  const wake = page.chat.stop();
  pages.splice(pages.indexOf(page), 1);
  return () => (pages.push(page), wake());
}

test("a page that was put aside comes back to the chat that another one began meanwhile", () => {
  const { one, other } = two([out("old", 0)]);
  const wake = aside(one);
  other.reconnect();
  other.line.opens();
  other.line.says({ type: "chat_started", chat_id: "chat2" });
  wake();
  one.serve({ history: [out("new", 1)] });
  assert.deepEqual(one.line.heard("start_chat"), [{ type: "start_chat", chat_id: "chat2" }]);
  assert.deepEqual(one.shown, ["new"]);
});

test("a page that was put aside comes back to no chat where another one forgot it", () => {
  const { one, other, storage } = two([out("hi", 0)]);
  const wake = aside(one);
  other.chat.forget();
  wake();
  assert.deepEqual(one.shown, []);
  assert.deepEqual(one.chat.status, { phase: "idle" });
  assert.deepEqual(Object.keys(storage), []);
});

test("a page that was put aside has nothing left of the visitor before, when the next one has begun a chat", () => {
  const { one, other } = two([out("old", 0)]);
  one.chat.setEmail("ann@example.com");
  const told = forgottenBy(one);
  const wake = aside(one);
  other.chat.forget();
  other.chat.send("my own");
  other.serve({ chat: "chat2" });
  wake();
  assert.equal(told.times, 1);
  assert.equal(one.chat.email, "");
  one.line.opens();
  one.line.says({ type: "chat_resumed", chat_id: "chat2", email: "" });
  assert.deepEqual(one.line.heard("set_email"), []);
  assert.deepEqual(one.shown, ["my own (queued)"]);
});

test("nor when the next one has only written yet, and loses nothing of that", () => {
  const { one, other } = two([out("old", 0)]);
  const told = forgottenBy(one);
  const wake = aside(one);
  other.chat.forget();
  other.chat.send("my own");
  wake();
  assert.equal(told.times, 1);
  assert.deepEqual(one.shown, ["my own (queued)"]);
  assert.deepEqual(other.shown, ["my own (queued)"]);
});

test("a page that was put aside shows nothing of what another one deleted", () => {
  const { one, other } = two();
  const ref = one.chat.send("bad");
  one.line.says({ type: "error", code: "rejected", command: "send_msg", ref });
  one.chat.send("good");
  one.accept();
  const wake = aside(one);
  other.chat.discard(ref);
  wake();
  one.serve();
  assert.deepEqual(one.shown, ["good"]);
});

test("a page that was put aside before there was a chat goes on to begin one", () => {
  const page = new Page();
  page.chat.want();
  aside(page)();
  page.serve();
  assert.equal(page.chat.status.phase, "online");
});

test("a page that was idle when it was put aside joins the chat that another one began meanwhile", () => {
  const storage = new FakeStorage();
  const idle = new Page({ storage });
  const wake = aside(idle);
  const one = new Page({ storage });
  one.chat.want();
  one.serve({ chat: "chat1" });
  wake();
  idle.line.opens();
  assert.deepEqual(idle.line.heard("start_chat"), [{ type: "start_chat", chat_id: "chat1" }]);
});
