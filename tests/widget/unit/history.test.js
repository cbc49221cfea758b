import assert from "node:assert/strict";
import { test } from "node:test";
import { at, live, newest, out, Page } from "./page.js";

/** Messages `from` to `to`, a minute each. */
const span = (from, to) => Array.from({ length: to - from + 1 }, (_, index) => out(`m${from + index}`, from + index, { id: from + index }));

const names = (from, to) => span(from, to).map(({ msg_out }) => msg_out.text);

/** A page that resumes a known chat. */
function opened(history) {
  const page = new Page();
  page.notes.set("chat", "chat1");
  page.chat.resume();
  return page.serve({ history });
}

const questions = (page) => page.line.heard("get_history").map(({ before }) => before);

test("a short page is all there is", () => {
  const page = opened(newest(...span(1, 3)));
  assert.equal(page.chat.history.more, false);
  page.chat.history.older();
  assert.equal(questions(page).length, 1);
});

test("a page that was cut short for its size is not all there is", () => {
  const page = opened([]);
  page.again({ history: newest(...span(3, 5)), more: true });
  page.chat.history.older();
  page.line.says({ type: "history", history: newest(...span(1, 2)) });
  assert.deepEqual(page.shown, names(1, 5));
  assert.equal(page.chat.history.more, false);
});

test("pages that were cut short for their size leave no gap after a longer absence", () => {
  const page = opened(newest(...span(1, 3)));
  page.again({ history: newest(...span(8, 9)), more: true });
  page.line.says({ type: "history", history: newest(...span(5, 7)), more: true });
  page.line.says({ type: "history", history: newest(...span(1, 4)) });
  assert.deepEqual(page.shown, names(1, 9));
});

test("a page that is refused for now is asked for again, no sooner than the server says", async () => {
  const page = opened(newest(...span(20, 44)));
  page.chat.history.older();
  page.line.says({ type: "error", code: "rate_limited", command: "get_history", retry_after: 7 });
  await page.world.pass(6.5);
  assert.equal(questions(page).length, 2);
  await page.world.pass(1);
  assert.deepEqual(questions(page).slice(1), [at(20), at(20)]);
  page.line.says({ type: "history", history: newest(...span(1, 19)) });
  assert.deepEqual(page.shown, names(1, 44));
});

test("older pages are asked for before the oldest message, one question at a time", () => {
  const page = opened(newest(...span(20, 44)));
  page.chat.history.older();
  page.chat.history.older();
  assert.deepEqual(questions(page).slice(1), [at(20)]);
  page.line.says({ type: "history", history: newest(...span(1, 19)) });
  assert.deepEqual(page.shown, names(1, 44));
  assert.equal(page.chat.history.more, false);
});

test("a return after a short absence fetches one page", () => {
  const page = opened(newest(...span(20, 44)));
  page.again({ history: newest(...span(25, 49)) });
  assert.equal(questions(page).length, 1);
  assert.deepEqual(page.shown, names(20, 49));
});

test("a return after a longer absence leaves no gap", () => {
  const page = opened(newest(...span(1, 3)));
  page.again({ history: newest(...span(30, 54)) });
  assert.deepEqual(questions(page).slice(1), [at(30)]);
  page.line.says({ type: "history", history: newest(...span(5, 29)) });
  page.line.says({ type: "history", history: newest(...span(1, 4)) });
  assert.deepEqual(page.shown, names(1, 54));
});

test("what came live does not hide a gap before it", () => {
  const page = opened(newest(...span(1, 3)));
  page.reconnect();
  page.line.opens();
  page.line.says({ type: "chat_resumed", chat_id: "chat1", email: "" });
  for (const item of span(50, 54)) page.line.says(live(item));
  page.line.says({ type: "history", history: newest(...span(30, 54)) });
  assert.deepEqual(questions(page).slice(1), [at(30)]);
});

test("what was put off is not asked for again once the chat has begun anew", async () => {
  const page = opened(newest(...span(20, 44)));
  page.chat.history.older();
  page.line.says({ type: "error", code: "rate_limited", command: "get_history", retry_after: 7 });
  page.line.says({ type: "error", code: "chat_not_started", command: "ack_chat" });
  page.line.says({ type: "chat_resumed", chat_id: "chat1", email: "" });
  assert.equal(questions(page).length, 3);
  await page.world.pass(8);
  assert.equal(questions(page).length, 3);
});

test("a longer absence leaves no gap in a chat that was empty at first", () => {
  const page = opened([]);
  page.line.says(live(span(1, 1)[0]));
  page.again({ history: newest(...span(30, 54)) });
  assert.deepEqual(questions(page).slice(1), [at(30)]);
  page.line.says({ type: "history", history: newest(...span(5, 29)) });
  page.line.says({ type: "history", history: newest(...span(1, 4)) });
  assert.deepEqual(page.shown, names(1, 54));
});

test("a line that is lost before the first page of a new chat leaves no gap", () => {
  const page = new Page();
  page.chat.want();
  page.line.opens();
  page.line.says({ type: "chat_started", chat_id: "chat1" });
  page.line.says(live(span(1, 1)[0]));
  page.again({ history: newest(...span(30, 54)) });
  assert.deepEqual(questions(page).slice(1), [at(30)]);
});

test("what came live before the first page of a known chat comes again on scrolling up", () => {
  const page = opened([]).leave();
  page.line.opens();
  page.line.says({ type: "chat_resumed", chat_id: "chat1", email: "" });
  page.line.says({ type: "msg_echo", msg_in: { text: "just now", ref: "phone1", time: at(54) } });
  page.line.says(live(span(1, 1)[0]));
  page.line.says({ type: "history", history: newest(...span(30, 54)) });
  assert.deepEqual(page.shown, ["just now", ...names(30, 54)]);
  page.chat.history.older();
  assert.deepEqual(questions(page).slice(1), [at(30)]);
});

test("an absence too long to bridge shows its end, and the rest on scrolling up", () => {
  const page = opened(newest(...span(1, 3)));
  const message = (n) => out(`n${n}`, 0, { id: 1000 + n, time: `2026-06-01T${String(Math.floor(n / 60)).padStart(2, "0")}:${String(n % 60).padStart(2, "0")}:00Z` });
  page.again({ history: newest(...Array.from({ length: 25 }, (_, index) => message(975 + index))) });
  for (let pages = 1; questions(page).length > pages; pages++) {
    page.line.says({ type: "history", history: newest(...Array.from({ length: 25 }, (_, index) => message(975 - 25 * pages + index))) });
  }
  assert.deepEqual(page.shown.at(0), "n800");
  assert.equal(page.shown.length, 200);
  assert.equal(page.chat.history.more, true);
});

test("a resync fetches again, also while a page is under way", () => {
  const page = opened(newest(...span(1, 3)));
  page.line.says({ type: "resync" });
  page.line.says({ type: "resync" });
  assert.equal(questions(page).length, 2);
  page.line.says({ type: "history", history: newest(...span(1, 4)) });
  assert.equal(questions(page).length, 3);
  page.line.says({ type: "history", history: newest(...span(1, 5)) });
  assert.deepEqual(page.shown, names(1, 5));
  assert.equal(questions(page).length, 3);
});

test("a page that cannot be had now is asked for again", async () => {
  const page = opened(newest(...span(20, 44)));
  page.chat.history.older();
  page.line.says({ type: "error", code: "unavailable", command: "get_history", retry_after: 4 });
  assert.equal(page.chat.history.trouble, true);
  await page.world.pass(4);
  assert.deepEqual(questions(page).slice(1), [at(20), at(20)]);
  page.line.says({ type: "history", history: newest(...span(1, 19)) });
  assert.equal(page.chat.history.trouble, false);
  assert.deepEqual(page.shown, names(1, 44));
});

test("a question that the line took with it can be asked again", () => {
  const page = opened(newest(...span(20, 44)));
  page.chat.history.older();
  page.again({ history: newest(...span(20, 44)) });
  page.chat.history.older();
  assert.deepEqual(questions(page).slice(1), [at(20)]);
});

test("a line that is lost while older messages are looked for catches up on its return", () => {
  const page = opened(newest(...span(20, 44)));
  page.chat.history.older();
  page.line.ends();
  page.chat.history.older();
  page.connection.nudge();
  page.line.opens();
  page.chat.history.older();
  page.line.says({ type: "chat_resumed", chat_id: "chat1", email: "" });
  assert.equal(questions(page).length, 1);
  page.line.says({ type: "history", history: newest(...span(25, 49)) });
  assert.deepEqual(page.shown, names(20, 49));
});

test("a chat that the server forgot while older messages were looked for catches up at once", () => {
  const page = opened(newest(...span(20, 44)));
  page.chat.history.older();
  page.line.says({ type: "error", code: "chat_not_started", command: "get_history" });
  page.line.says({ type: "chat_resumed", chat_id: "chat1", email: "" });
  assert.equal(questions(page).length, 3);
  page.line.says({ type: "history", history: newest(...span(25, 49)) });
  assert.deepEqual(page.shown, names(20, 49));
});

const told = (page) => page.events.splice(0);

test("what was said while there was no line is told like what comes live, once", () => {
  const page = opened(newest(...span(1, 3)));
  assert.deepEqual(told(page), []);
  page.again({ history: newest(...span(1, 5)) });
  assert.deepEqual(told(page), ["m4", "m5"]);
  for (const item of span(4, 5)) page.line.says(live(item));
  page.line.says({ type: "resync" });
  page.line.says({ type: "history", history: newest(...span(1, 6)) });
  assert.deepEqual(told(page), ["m6"]);
});

test("what was said before is not told when it comes on scrolling up", () => {
  const page = opened(newest(...span(20, 44)));
  page.chat.history.older();
  page.line.says({ type: "history", history: newest(...span(1, 19)) });
  assert.deepEqual(told(page), []);
});

test("what the history of a new chat has before it comes live is told", () => {
  const page = new Page();
  page.chat.want();
  page.serve({ history: newest(...span(1, 2)) });
  assert.deepEqual(told(page), ["m1", "m2"]);
});
