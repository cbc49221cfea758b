/** One visitor's chat: how it starts, what he is shown, and what he and other pages do to it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { at, live, newest, out, Page } from "./page.js";
import { FakeStorage, settled } from "./world.js";

test("nothing is connected or stored before the visitor wants to chat", () => {
  const page = new Page();
  assert.equal(page.world.sockets.length, 0);
  assert.deepEqual(Object.keys(page.storage), []);
  assert.deepEqual(page.chat.status, { phase: "idle" });
});

test("the first wish starts a chat, every later page resumes it", () => {
  const page = new Page();
  page.chat.want();
  page.line.opens();
  assert.deepEqual(page.line.heard("start_chat"), [{ type: "start_chat" }]);
  page.line.says({ type: "chat_started", chat_id: "chat1" });
  assert.equal(page.chat.status.phase, "online");

  const later = page.leave();
  later.line.opens();
  assert.deepEqual(later.line.heard("start_chat"), [{ type: "start_chat", chat_id: "chat1" }]);
});

test("a server that forgot the chat is told again", () => {
  const page = new Page();
  const ref = page.chat.send("hello");
  page.serve();
  page.line.says({ type: "error", code: "chat_not_started", command: "send_msg", ref });
  assert.equal(page.line.heard("start_chat").length, 2);
  page.line.says({ type: "chat_resumed", chat_id: "chat1", email: "" });
  assert.deepEqual(page.sent, ["hello", "hello"]);
});

test("a chat that cannot start yet is asked for again on the same line", async () => {
  const page = new Page();
  page.chat.want();
  page.line.opens();
  page.line.says({ type: "error", code: "unavailable", command: "start_chat", retry_after: 3 });
  assert.equal(page.chat.status.phase, "busy");
  await page.world.pass(3);
  assert.equal(page.line.heard("start_chat").length, 2);
  page.line.says({ type: "chat_started", chat_id: "chat1" });
  assert.equal(page.chat.status.phase, "online");
  assert.equal(page.world.sockets.length, 1);
});

test("everything is acknowledged, repeats too, and shown once", () => {
  const page = new Page();
  page.chat.want();
  page.serve();
  const hello = out("hello", 1, { uuid: "0191e180" });
  page.line.says(live(hello));
  page.line.says(live(hello));
  page.line.says(live({ msg_out: { ...hello.msg_out, id: "0191e180" } }));
  assert.deepEqual(page.line.heard("ack_chat").map(({ msg_id }) => msg_id), [hello.msg_out.id, hello.msg_out.id, "0191e180"]);
  page.again({ history: [{ msg_out: { ...hello.msg_out, uuid: undefined } }] });
  assert.deepEqual(page.shown, ["hello"]);
  assert.deepEqual(page.events, ["hello"]);
});

test("the order is the server's, however wrong the visitor's clock is", () => {
  const page = new Page();
  page.world.time = Date.parse("2031-01-01");
  page.chat.want();
  page.serve({ history: [out("question", 1)] });
  page.chat.send("answer");
  page.accept();
  page.line.says(live(out("thanks", 2)));
  assert.deepEqual(page.shown, ["question", "answer", "thanks"]);
});

test("the first message of a chat stays before its answer", () => {
  const page = new Page();
  page.chat.send("question");
  page.serve();
  page.accept();
  page.line.says(live(out("answer", 1)));
  page.chat.send("another");
  assert.deepEqual(page.shown, ["question", "answer", "another (queued)"]);
});

test("fractions of a second order messages, whatever their length", () => {
  const page = new Page();
  page.chat.want();
  page.serve({
    history: newest(
      out("first", 1), out("second", 1, { time: at(1, ".1") }), out("third", 1, { time: at(1, ".12") }), out("fourth", 1, { time: at(1, ".1200004") }),
    ),
  });
  assert.deepEqual(page.shown, ["first", "second", "third", "fourth"]);
});

test("an e-mail is told once there is a chat, and after each return until the server has it", () => {
  const page = new Page();
  page.chat.setEmail("bob@example.com");
  page.chat.want();
  page.serve();
  assert.deepEqual(page.line.heard("set_email"), [{ type: "set_email", email: "bob@example.com" }]);
  page.again();
  assert.equal(page.line.heard("set_email").length, 1);
  page.reconnect();
  page.line.opens();
  page.line.says({ type: "chat_resumed", chat_id: "chat1", email: "bob@example.com" });
  assert.equal(page.line.heard("set_email").length, 0);
});

/** Come back to a chat of which the server knows this e-mail, and tell which ones it is told. */
function returns(page, email) {
  page.reconnect();
  page.line.opens();
  page.line.says({ type: "chat_resumed", chat_id: "chat1", email });
  return page.line.heard("set_email").map((command) => command.email);
}

/** So many seconds on a line that stands. */
async function stands(page, seconds) {
  for (let left = seconds; left > 0; left -= 5) {
    await page.world.pass(5);
    page.line.says({ type: "pong" });
  }
}

test("an e-mail that was told long ago does not replace a newer one of another page", async () => {
  const page = new Page();
  page.chat.setEmail("old@example.com");
  page.chat.want();
  page.serve();
  await stands(page, 90);
  assert.deepEqual(returns(page, "new@example.com"), []);
  assert.deepEqual(returns(page, "new@example.com"), []);
});

test("an e-mail that may have been lost with the line is told again, whatever the server has from another page", async () => {
  const page = new Page();
  page.chat.want();
  page.serve();
  await stands(page, 3600);
  page.chat.setEmail("new@example.com");
  assert.deepEqual(returns(page, "theirs@example.com"), ["new@example.com"]);
  assert.equal(page.chat.email, "new@example.com");
});

test("so is one that the server would not take", async () => {
  const page = new Page();
  page.chat.want();
  page.serve();
  page.chat.setEmail("new@example.com");
  page.line.says({ type: "error", code: "unavailable", command: "set_email", retry_after: 60 });
  await stands(page, 30);
  assert.deepEqual(returns(page, "theirs@example.com"), ["new@example.com"]);
});

test("an e-mail that is to replace another one is told until it has", () => {
  const page = new Page();
  page.chat.want();
  page.serve();
  assert.deepEqual(returns(page, "old@example.com"), []);
  page.chat.setEmail("new@example.com");
  assert.deepEqual(returns(page, "old@example.com"), ["new@example.com"]);
  assert.deepEqual(returns(page, "new@example.com"), []);
});

test("an e-mail that was said without a line is told, whatever another page has said meanwhile", () => {
  const page = new Page();
  page.chat.setEmail("first@example.com");
  page.chat.want();
  page.serve();
  page.line.ends();
  page.chat.setEmail("second@example.com");
  assert.deepEqual(returns(page, "theirs@example.com"), ["second@example.com"]);
});

test("an e-mail is told to the next chat, too, where the server no longer knows this one", () => {
  const page = new Page();
  page.chat.want();
  page.serve();
  returns(page, "old@example.com");
  page.chat.setEmail("new@example.com");
  page.reconnect();
  page.line.opens();
  page.line.says({ type: "chat_started", chat_id: "chat2" });
  assert.deepEqual(page.line.heard("set_email").map(({ email }) => email), ["new@example.com"]);
});

test("an e-mail that is none is given up, and told to the site", () => {
  const page = new Page();
  page.chat.setEmail("bob");
  page.chat.want();
  page.serve();
  const problem = { type: "error", code: "invalid_command", command: "set_email" };
  page.line.says(problem);
  assert.deepEqual(page.events, [problem]);
});

test("unread are the site's messages that nobody has looked at, on any page", () => {
  const page = new Page();
  page.chat.want();
  page.serve();
  page.line.says(live(out("one", 1)));
  page.chat.reading.markSeen();
  page.line.says(live(out("two", 2)));
  assert.equal(page.chat.reading.unread, 1);
  const other = new Page({ storage: page.storage }).serve({ history: newest(out("one", 1), out("two", 2)) });
  assert.equal(other.chat.reading.unread, 1);
  other.chat.reading.markSeen();
  assert.equal(page.chat.reading.unread, 0);
});

test("a server that no longer knows the chat begins a new one, without the old messages", () => {
  const page = new Page();
  page.chat.want();
  page.serve({ history: [out("old", 1)] });
  page.chat.send("sent long ago");
  page.accept();
  page.chat.send("not sent");
  page.reconnect();
  page.line.opens();
  page.line.says({ type: "chat_started", chat_id: "chat2" });
  page.line.says({ type: "history", history: [] });
  assert.deepEqual(page.shown, ["not sent (queued)"]);
  assert.deepEqual(page.leave().storage["chip:7d62d551-3030-4100-a260-2d7c4e9693e7:chat"], "chat2");
});

test("a browser without storage chats for as long as the page lives", () => {
  const page = new Page({ storage: { pages: [], getItem: no, setItem: no, removeItem: no } });
  page.chat.send("hello");
  page.serve();
  page.accept();
  page.again();
  assert.equal(page.line.heard("start_chat")[0].chat_id, "chat1");
  assert.deepEqual(page.shown, ["hello"]);
});

function no() {
  throw new Error("SecurityError");
}

test("forgetting leaves nothing in the browser", () => {
  const page = new Page();
  page.chat.send("hello");
  page.serve();
  page.storage.setItem("theirs", "kept");
  page.chat.forget();
  assert.deepEqual(Object.keys(page.storage), ["theirs"]);
});

test("a wish to try now ends every pause", () => {
  const page = new Page();
  const ref = page.chat.send("one");
  page.serve();
  page.line.says({ type: "error", code: "unavailable", command: "send_msg", ref, retry_after: 60 });
  page.chat.tryNow();
  assert.deepEqual(page.sent, ["one", "one"]);
  page.line.ends();
  page.chat.tryNow();
  assert.equal(page.world.sockets.length, 2);
});

test("the status says offline only when the browser is sure", () => {
  const page = new Page();
  page.chat.want();
  page.serve();
  page.line.ends();
  assert.equal(page.chat.status.phase, "waiting");
  page.world.isOnline = false;
  assert.equal(page.chat.status.phase, "offline");
});

test("stopping ends everything", async () => {
  const page = new Page();
  page.chat.send("hello");
  page.serve();
  page.chat.stop();
  await page.world.pass(3600);
  assert.equal(page.world.sockets.length, 1);
  assert.equal(page.world.timers.size, 0);
});

test("two pages do not start two chats", async () => {
  const storage = new FakeStorage();
  const locks = new Locks();
  const one = new Page({ storage, locks });
  const two = new Page({ storage, locks });
  one.chat.want();
  two.chat.want();
  await settled();
  assert.equal(one.world.sockets.length, 1);
  assert.equal(two.world.sockets.length, 0);
  assert.equal(two.chat.status.phase, "connecting");
  one.serve({ chat: "chat1" });
  await settled();
  two.line.opens();
  assert.deepEqual(two.line.heard("start_chat"), [{ type: "start_chat", chat_id: "chat1" }]);
});

test("without locks the page that was first wins, and the other one joins it", () => {
  const storage = new FakeStorage();
  const one = new Page({ storage });
  const two = new Page({ storage });
  one.chat.want();
  two.chat.want();
  two.line.opens();
  one.serve({ chat: "chat1" });
  two.line.says({ type: "chat_started", chat_id: "chat2" });
  two.line.opens();
  assert.deepEqual(two.line.heard("start_chat"), [{ type: "start_chat", chat_id: "chat1" }]);
});

test("a page that waits for its turn gets it when the other one is gone", async () => {
  const locks = new Locks();
  const one = new Page({ locks });
  const two = new Page({ locks });
  one.chat.want();
  two.chat.want();
  await settled();
  one.chat.stop();
  await settled();
  assert.equal(two.world.sockets.length, 1);
});

/** As `navigator.locks`: one at a time. */
class Locks {
  #last = Promise.resolve();

  request(name, { signal }, run) {
    const turn = this.#last.then(() => {
      if (!signal.aborted) return run();
      throw signal.reason;
    });
    this.#last = turn.catch(() => {});
    return turn;
  }
}
