/** What a browser refuses, leaves unanswered or lies about must not keep anybody from chatting. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Connection } from "../../../chip/widget/src/connection.js";
import { Notes } from "../../../chip/widget/src/notes.js";
import { live, out, Page } from "./page.js";
import { FakeStorage, settled, World } from "./world.js";

/** As `navigator.locks` beside a page that has the lock and stands still. */
class StandstillLocks {
  waiting = 0;

  request(_name, { signal }) {
    this.waiting++;
    return new Promise((_, reject) =>
      signal.addEventListener("abort", () => {
        this.waiting--;
        reject(signal.reason);
      }),
    );
  }
}

const refused = async () => {
  throw new DOMException("Access to the Locks API is denied in this context.", "SecurityError");
};

const broken = () => {
  throw new TypeError("not a function");
};

for (const [how, request] of [["refused", refused], ["broken", broken]]) {
  test(`a lock that is ${how} is no lock`, async () => {
    const page = new Page({ locks: { request } });
    page.chat.send("hello");
    await settled();
    page.serve();
    assert.deepEqual(page.sent, ["hello"]);
    await page.world.pass(10);
    assert.equal(page.line.heard("start_chat").length, 1);
    assert.equal(page.world.sockets.length, 1);
  });
}

test("a refused lock begins nothing on a page that is gone", async () => {
  const page = new Page({ locks: { request: refused } });
  page.chat.want();
  page.chat.stop();
  await settled();
  assert.equal(page.world.sockets.length, 0);
  assert.equal(page.world.timers.size, 0);
});

test("a turn that does not come is waited for five seconds, and then not wanted any more", async () => {
  const locks = new StandstillLocks();
  const page = new Page({ locks });
  page.chat.send("hello");
  await page.world.pass(4.9);
  assert.equal(page.world.sockets.length, 0);
  await page.world.pass(0.1);
  page.serve();
  assert.deepEqual(page.sent, ["hello"]);
  assert.equal(locks.waiting, 0);
});

test("two chats that were started for want of a turn become one, and nothing is shown or sent twice", async () => {
  const storage = new FakeStorage();
  const still = new Page({ storage });
  still.chat.send("hello");
  still.line.opens();
  const other = new Page({ storage, locks: new StandstillLocks() });
  await other.world.pass(5);
  other.serve({ chat: "chat2" });
  other.accept();
  other.line.says(live(out("answer", 1)));
  still.line.says({ type: "chat_started", chat_id: "chat1" });
  still.serve({ history: [out("answer", 1, { id: 1 })] });
  assert.deepEqual(still.line.heard("start_chat"), [{ type: "start_chat", chat_id: "chat2" }]);
  assert.deepEqual(still.shown, ["hello", "answer"]);
  assert.deepEqual(other.shown, ["hello", "answer"]);
  assert.deepEqual(still.world.sockets.flatMap((socket) => socket.heard("send_msg")), []);
});

test("a question that nobody answers, not even its abort, is given up", async () => {
  const world = new World();
  world.fetch = () => new Promise(() => {});
  const connection = new Connection("https://chat.example/wc/connect/x", world);
  connection.start();
  world.line.ends();
  await world.pass(8);
  assert.equal(connection.state.name, "waiting");
  await world.pass(0.5);
  assert.equal(world.sockets.length, 2);
});

/** A connection whose socket was closed, which no event has told. */
function closedWithoutAWord() {
  const world = new World();
  const connection = new Connection("https://chat.example/wc/connect/x", world);
  connection.start();
  world.line.opens();
  world.line.readyState = 3;
  return { world, connection };
}

test("a socket that is closed without a word is replaced", async () => {
  const { world, connection } = closedWithoutAWord();
  await world.pass(28.5);
  assert.equal(world.sockets.length, 2);
});

test("a socket that is closed without a word is replaced when the page is looked at", async () => {
  const { world, connection } = closedWithoutAWord();
  connection.nudge();
  await world.pass(4.5);
  assert.equal(world.sockets.length, 2);
});

test("a page that stood still asks again before it gives a line up", async () => {
  const world = new World();
  const connection = new Connection("https://chat.example/wc/connect/x", world);
  connection.start();
  world.line.opens();
  await world.pass(20);
  world.time += 3_600_000;
  await world.pass(0);
  assert.equal(world.line.heard("ping").length, 2);
  world.line.says({ type: "pong" });
  world.line.says({ type: "pong" });
  await world.pass(10);
  assert.equal(world.sockets.length, 1);
  assert.equal(connection.state.name, "open");
});

test("a page that may not open a socket says that it is refused, and tries again when it is looked at", async () => {
  const page = new Page();
  const { socket } = page.world;
  page.world.socket = () => {
    throw new DOMException("insecure", "SecurityError");
  };
  page.chat.want();
  assert.equal(page.chat.status.phase, "refused");
  page.world.socket = socket;
  page.chat.nudge();
  page.serve();
  assert.equal(page.chat.status.phase, "online");
});

test("what another page stored is newer than what could not be stored here", () => {
  const storage = new FakeStorage();
  const area = new Proxy(storage, {
    get: (target, name) => (name === "setItem" ? () => broken() : Reflect.get(target, name)),
  });
  const notes = new Notes("channel", () => area);
  notes.set("seen", "1");
  assert.equal(notes.get("seen"), "1");
  storage.setItem("chip:channel:seen", "2");
  assert.equal(notes.get("seen"), "2", "also where nobody has told it");
  notes.set("seen", "3");
  assert.equal(notes.get("seen"), "3");
  storage.removeItem("chip:channel:seen");
  assert.equal(notes.get("seen"), null);
});

test("a note that somebody else has spoilt is not shown", () => {
  const storage = new FakeStorage();
  const key = "chip:7d62d551-3030-4100-a260-2d7c4e9693e7:out:a";
  for (const note of ["{", "null", '"text"', '{"ref":"a","text":"no time"}', '{"ref":"a","text":"no number","at":1}']) {
    storage[key] = note;
    assert.deepEqual(new Page({ storage }).shown, []);
  }
});

test("nobody makes a visitor wait for more than five minutes at a time", async () => {
  const world = new World();
  const connection = new Connection("https://chat.example/wc/connect/x", world);
  connection.start();
  world.line.ends();
  await world.questions[0].answer(503, "<h1>Back tomorrow</h1>", { "Retry-After": "86400" });
  assert.equal(connection.state.until - world.time, 300_000);

  const page = new Page();
  page.chat.send("hello");
  page.serve();
  page.line.says({ type: "error", code: "unavailable", command: "send_msg", ref: page.line.heard("send_msg")[0].ref, retry_after: 1e9 });
  assert.equal(page.chat.status.until - page.world.time, 300_000);
});
