/** What becomes of a message of which nobody has heard whether the server took it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { at, newest, out, own, Page } from "./page.js";
import { World } from "./world.js";

const HOURS = 3600;

/** A page that has sent this and lost the line before the server answered. */
function inDoubt(text, history = [out("hello", 0)]) {
  const page = new Page();
  page.chat.want();
  page.serve({ history });
  const ref = page.chat.send(text);
  return { page, ref };
}

/** Leave, and come back so many hours later. */
function later(page, hours) {
  page.chat.stop();
  page.storage.pages.splice(page.storage.pages.indexOf(page), 1);
  const world = new World();
  world.time = page.world.time + hours * HOURS * 1000;
  return new Page({ storage: page.storage, world });
}

/** The server answers that it cannot take it now. */
function busy(page, ref) {
  page.line.says({ type: "error", code: "unavailable", command: "send_msg", ref, retry_after: 60 });
}

test("what the history has is shown once, also while the server cannot take it again", () => {
  const { page, ref } = inDoubt("once");
  page.again({ history: newest(out("hello", 0, { id: 1 }), own("once", 1)) });
  busy(page, ref);
  assert.deepEqual(page.shown.filter((text) => text.startsWith("once")), ["once"]);
});

test("what was sent before the page was closed is found in the history days later, and not called failed", () => {
  const { page } = inDoubt("once");
  const back = later(page, 80).serve({ history: newest(out("hello", 0), own("once", 1)) });
  assert.deepEqual(back.shown, ["hello", "once"]);
  assert.deepEqual(back.sent, []);
  assert.deepEqual(later(back, 1).shown, []);
});

test("the first message of a chat is found so, too", () => {
  const page = new Page();
  page.chat.send("first");
  page.serve();
  assert.deepEqual(later(page, 80).serve({ history: [own("first", 1)] }).shown, ["first"]);
});

test("what was sent before the past was known is found once the server has accepted it again", () => {
  const page = new Page();
  page.chat.want();
  page.serve();
  page.line.ends();
  const ref = page.chat.send("once");
  const history = [own("once", 1, { id: 1 })];
  const back = later(page, 1).serve({ history });
  back.again({ history });
  back.accept(ref);
  assert.deepEqual(back.shown, ["once"]);
});

test("an equal text that was said before is not taken for the one in doubt", () => {
  const { page, ref } = inDoubt("yes", newest(own("yes", 0, { id: 1 }), out("sure?", 1, { id: 2 })));
  page.again({ history: newest(own("yes", 0, { id: 1 }), out("sure?", 1, { id: 2 })) });
  busy(page, ref);
  assert.deepEqual(page.shown, ["yes", "sure?", "yes (queued)"]);
  const back = later(page, 1).serve({ history: newest(own("yes", 0, { id: 1 }), out("sure?", 1, { id: 2 })) });
  assert.deepEqual(back.shown, ["yes", "sure?", "yes (queued)"]);
});

test("a message that was never sent is not taken for an equal one of the past", () => {
  const page = new Page();
  page.chat.want();
  page.serve();
  page.line.ends();
  const ref = page.chat.send("yes");
  const back = later(page, 1).serve({ history: newest(own("yes", 1), out("and now?", 2)) });
  busy(back, ref);
  assert.deepEqual(back.shown, ["yes", "and now?", "yes (queued)"]);
});

test("nor for one that was said elsewhere while the line was down", () => {
  const page = new Page();
  page.chat.want();
  page.serve({ history: [out("sure?", 0, { id: 1 })] });
  page.line.ends();
  const ref = page.chat.send("yes");
  page.again({ history: newest(out("sure?", 0, { id: 1 }), own("yes", 1)) });
  busy(page, ref);
  assert.deepEqual(page.shown, ["sure?", "yes", "yes (queued)"]);
});

test("nor is it one with an equal text of before once it was accepted", () => {
  const page = new Page();
  page.chat.want();
  const history = newest(own("yes", 0, { id: 1 }), out("sure?", 1, { id: 2 }));
  page.serve({ history });
  page.line.ends();
  page.chat.send("yes");
  page.again({ history });
  page.accept();
  assert.deepEqual(page.shown, ["yes", "sure?", "yes"]);
});

test("what the server could not answer for and had taken is shown once", async () => {
  const { page, ref } = inDoubt("once");
  busy(page, ref);
  page.again({ history: newest(out("hello", 0, { id: 1 }), own("once", 1, { id: 2 }), out("noted", 2, { id: 3 })) });
  page.accept(ref);
  assert.deepEqual(page.shown.filter((text) => text.startsWith("once")), ["once"]);
});

test("nor in a chat that another page has begun", () => {
  const page = new Page();
  page.chat.want();
  page.serve();
  const other = new Page({ storage: page.storage });
  other.line.opens();
  other.line.says({ type: "chat_started", chat_id: "chat2" });
  other.chat.stop();
  const ref = page.chat.send("yes");
  page.serve({ history: [own("yes", 1)] });
  busy(page, ref);
  assert.deepEqual(page.shown, ["yes", "yes (queued)"]);
});

test("what another page's chat has said before is no news", () => {
  const page = new Page();
  page.chat.want();
  page.serve();
  const other = new Page({ storage: page.storage });
  other.line.opens();
  other.line.says({ type: "chat_started", chat_id: "chat2" });
  page.serve({ history: [out("hello", 1)] });
  assert.deepEqual(page.events, []);
});

test("of two equal texts the one that was accepted is found first", () => {
  const { page } = inDoubt("yes");
  page.accept();
  const ref = page.chat.send("yes");
  page.again({ history: newest(out("hello", 0, { id: 1 }), own("yes", 1)) });
  busy(page, ref);
  assert.deepEqual(page.shown.filter((text) => text.startsWith("yes")), ["yes", "yes (queued)"]);
  const back = later(page, 1).serve({ history: newest(out("hello", 0), own("yes", 1)) });
  busy(back, ref);
  assert.deepEqual(back.shown, ["hello", "yes", "yes (queued)"]);
});

test("what the server would not take now is not taken for an equal text that is said after it", () => {
  const { page, ref } = inDoubt("yes");
  busy(page, ref);
  page.again({ history: newest(out("hello", 0, { id: 1 }), own("yes", 1)) });
  busy(page, ref);
  assert.deepEqual(page.shown.filter((text) => text.startsWith("yes")), ["yes", "yes (queued)"]);
});

test("what was in doubt stays so, though the server would not take it again", () => {
  const { page, ref } = inDoubt("once");
  page.again({ history: [out("hello", 0, { id: 1 })] });
  busy(page, ref);
  const back = later(page, 80).serve({ history: newest(out("hello", 0), own("once", 1)) });
  assert.deepEqual(back.shown, ["hello", "once"]);
});

test("an echo of an equal text is found before the one in doubt", () => {
  const { page, ref } = inDoubt("yes");
  page.line.says({ type: "msg_echo", msg_in: { text: "yes", ref: "phone1", time: at(1) } });
  page.again({ history: newest(out("hello", 0, { id: 1 }), own("yes", 1)) });
  busy(page, ref);
  assert.deepEqual(page.shown.filter((text) => text.startsWith("yes")), ["yes", "yes (queued)"]);
});

test("what the server refused stays failed, whatever equal text is said after it", () => {
  const { page, ref } = inDoubt("yes");
  page.line.says({ type: "error", code: "rejected", command: "send_msg", ref });
  const back = later(page, 1).serve({ history: newest(out("hello", 0), own("yes", 1)) });
  assert.deepEqual(back.shown, ["hello", "yes (failed)", "yes"]);
});

test("what was not sent within 72 hours is failed", () => {
  const page = new Page();
  page.chat.send("waits");
  const early = later(page, 71.9);
  assert.deepEqual(early.shown, ["waits (queued)"]);
  assert.deepEqual(later(early, 0.2).shown, ["waits (failed)"]);
});

test("what the history does not have within 96 hours is forgotten", () => {
  const page = new Page();
  page.chat.send("sent");
  page.serve();
  page.accept();
  const early = later(page, 95.9);
  assert.deepEqual(early.shown, ["sent"]);
  assert.deepEqual(later(early, 0.2).shown, []);
});

test("a page that slept for too long with a message under way does not send it again by itself", () => {
  const { page, ref } = inDoubt("once");
  page.world.time += 100 * HOURS * 1000;
  page.again({ history: [out("hello", 0, { id: 1 })] });
  assert.deepEqual(page.sent, []);
  assert.deepEqual(page.shown.at(-1), "once (failed)");
  page.chat.retry(ref);
  assert.deepEqual(page.sent, ["once"]);
});

test("nor does one that was put aside for as long", () => {
  const { page } = inDoubt("once");
  const wake = page.chat.stop();
  page.world.time += 100 * HOURS * 1000;
  wake();
  page.serve({ history: newest(out("hello", 0, { id: 1 }), own("once", 1)) });
  assert.deepEqual(page.sent, []);
  assert.deepEqual(page.shown.filter((text) => text.startsWith("once")), ["once"]);
});
