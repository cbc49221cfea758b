/** What a visitor's messages go through until the server has them, or until they are failed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { newest, out, own, Page } from "./page.js";

test("a message is shown at once and goes out when the chat is there", () => {
  const page = new Page();
  page.chat.send("  Hello\u0000 \r\nyou ");
  assert.deepEqual(page.shown, ["Hello \nyou (queued)"]);
  page.serve();
  assert.deepEqual(page.sent, ["Hello \nyou"]);
  page.accept();
  assert.deepEqual(page.shown, ["Hello \nyou"]);
});

test("nothing is made of a blank message", () => {
  const page = new Page();
  assert.equal(page.chat.send(" \n "), null);
  assert.equal(page.world.sockets.length, 0);
});

test("messages go out one after the other, in the order in which they were written", () => {
  const page = new Page();
  for (const text of ["one", "two", "three"]) page.chat.send(text);
  page.serve();
  assert.deepEqual(page.sent, ["one"]);
  page.accept();
  page.accept();
  assert.deepEqual(page.sent, ["one", "two", "three"]);
});

test("what was under way when the line broke goes out again by the same ref, before the rest", () => {
  const page = new Page();
  page.chat.send("one");
  page.serve();
  page.chat.send("two");
  const [first] = page.line.heard("send_msg");
  page.again();
  assert.deepEqual(page.line.heard("send_msg"), [first]);
  page.accept();
  assert.deepEqual(page.sent, ["one", "two"]);
});

test("an unsent message outlives a reload, with its ref", () => {
  const page = new Page();
  const ref = page.chat.send("keep me");
  const later = page.leave();
  assert.deepEqual(later.shown, ["keep me (queued)"]);
  later.serve();
  assert.deepEqual(later.line.heard("send_msg"), [{ type: "send_msg", text: "keep me", ref }]);
});

test("a sent message outlives a reload until the history has it", () => {
  const page = new Page();
  page.chat.send("on its way");
  page.serve();
  page.accept();

  const later = page.leave().serve();
  assert.deepEqual(later.shown, ["on its way"]);
  const last = later.leave().serve({ history: [own("on its way", 5)] });
  assert.deepEqual(last.shown, ["on its way"]);
  assert.deepEqual(Object.keys(last.storage).filter((key) => key.includes("out:")), []);
});

test("an acceptance that was lost is found in the history by its ref", () => {
  const page = new Page();
  const ref = page.chat.send("once");
  page.serve();
  page.again({ history: [own("once", 5, { ref })] });
  page.accept(ref);
  assert.deepEqual(page.shown, ["once"]);
  page.chat.send("next");
  assert.equal(page.sent.at(-1), "next");
});

test("an acceptance that was lost is found in the history also without a ref", () => {
  const page = new Page();
  const ref = page.chat.send("once");
  page.serve();
  page.again({ history: [own("once", 5)] });
  assert.equal(page.sent.length, 1);
  page.accept(ref);
  assert.deepEqual(page.shown, ["once"]);
  assert.deepEqual(page.leave().shown, [], "the copy is not kept: the history has it");
});

test("what is not in the history yet stays after what was written before it", () => {
  const page = new Page();
  page.chat.want();
  page.serve({ history: [out("hello", 0)] });
  for (const text of ["one", "two", "three"]) {
    page.chat.send(text);
    page.accept();
  }
  const history = newest(out("hello", 0, { id: 1 }), out("meanwhile", 3, { id: 2 }), own("one", 4, { id: 3 }), own("two", 5, { id: 4 }));
  page.again({ history });
  const expected = ["meanwhile", "one", "two", "three"];
  assert.deepEqual(page.shown.slice(-4), expected);
  assert.deepEqual(page.leave().serve({ history }).shown.slice(-4), expected);
});

test("equal texts are as many in the page as in the history", () => {
  const page = new Page();
  page.chat.want();
  page.serve();
  for (let time = 0; time < 2; time++) {
    page.chat.send("yes");
    page.accept();
  }
  page.again({ history: [own("yes", 1)] });
  assert.deepEqual(page.shown, ["yes", "yes"]);
  page.again({ history: newest(own("yes", 2, { id: 1 }), own("yes", 3, { id: 2 })) });
  assert.equal(page.shown.length, 3, "one of the second pair is the copy, one is another device's");
});

test("an old message of the same text is not taken for the new one", () => {
  const page = new Page();
  page.chat.want();
  page.serve({ history: newest(own("yes", 1), out("sure?", 2)) });
  page.chat.send("yes");
  page.accept();
  page.again({ history: newest(own("no", 0), own("yes", 1, { id: 7 })) });
  assert.deepEqual(page.shown.filter((text) => text === "yes").length, 3);
});

test("a refused message is failed, and the next one goes out", () => {
  const page = new Page();
  page.chat.send("bad");
  page.chat.send("good");
  page.serve();
  const [{ ref }] = page.line.heard("send_msg");
  page.line.says({ type: "error", code: "invalid_command", command: "send_msg", ref });
  assert.deepEqual(page.shown, ["bad (failed)", "good (queued)"]);
  assert.equal(page.sent.at(-1), "good");
});

test("a message that Courier refuses after it was accepted is failed after all", () => {
  const page = new Page();
  const ref = page.chat.send("bad");
  page.serve();
  page.accept();
  page.line.says({ type: "error", code: "rejected", command: "send_msg", ref });
  assert.deepEqual(page.shown, ["bad (failed)"]);
});

test("a failed message can be tried again by the same ref, or deleted", () => {
  const page = new Page();
  const ref = page.chat.send("bad");
  page.serve();
  page.line.says({ type: "error", code: "rejected", command: "send_msg", ref });
  page.chat.retry(ref);
  assert.deepEqual(page.line.heard("send_msg").map((command) => command.ref), [ref, ref]);
  page.line.says({ type: "error", code: "rejected", command: "send_msg", ref });
  page.chat.discard(ref);
  assert.deepEqual(page.shown, []);
});

for (const code of ["unavailable", "rate_limited", "internal"]) {
  test(`a message answered by ${code} waits as long as it is asked to, and stays before the next`, async () => {
    const page = new Page();
    const ref = page.chat.send("one");
    page.chat.send("two");
    page.serve();
    page.line.says({ type: "error", code, command: "send_msg", ref, retry_after: 9 });
    assert.deepEqual(page.shown, ["one (queued)", "two (queued)"]);
    assert.deepEqual(page.chat.status, { phase: "stalled", until: page.world.time + 9000 });
    await page.world.pass(8.9);
    assert.deepEqual(page.sent, ["one"]);
    await page.world.pass(0.1);
    assert.deepEqual(page.sent, ["one", "one"]);
    page.accept();
    assert.deepEqual(page.sent, ["one", "one", "two"]);
    assert.equal(page.chat.status.phase, "online");
  });
}

test("a message on which the server stumbles again and again is failed", async () => {
  const page = new Page();
  const ref = page.chat.send("poison");
  page.serve();
  for (let time = 0; time < 3; time++) {
    page.line.says({ type: "error", code: "internal", command: "send_msg", ref, retry_after: 1 });
    await page.world.pass(1);
  }
  assert.deepEqual(page.shown, ["poison (failed)"]);
  assert.equal(page.sent.length, 3);
});

test("a message for which the socket is closed as unreadable is not sent for ever", () => {
  const page = new Page();
  page.chat.send("too big");
  page.serve();
  page.line.ends(1009);
  assert.deepEqual(page.shown, ["too big (failed)"]);
});

test("a command that is never answered costs the socket, not the message", async () => {
  const page = new Page();
  page.chat.send("hello");
  page.serve();
  for (let wait = 0; wait < 3; wait++) {
    await page.world.pass(15);
    page.line.says({ type: "pong" });
  }
  await page.world.pass(1);
  assert.equal(page.world.sockets.length, 2);
  page.serve();
  assert.deepEqual(page.sent, ["hello"]);
});
