/** What of the site's messages nobody has looked at, on any page. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { live, newest, out, Page } from "./page.js";
import { FakeStorage } from "./world.js";

const NOON = { uuid: "noon" };

/** A page on which all of it was looked at. */
function looked(history, storage = new FakeStorage()) {
  const page = new Page({ storage });
  page.chat.want();
  page.serve({ history });
  page.chat.reading.markSeen();
  return page;
}

const says = (page, ...items) => items.forEach((item) => page.line.says(live(item)));

test("what comes after one looked is unread until one looks again", () => {
  const page = looked([out("hi", 1)]);
  says(page, out("new", 2));
  assert.equal(page.chat.reading.unread, 1);
  assert.equal(page.chat.reading.markSeen(), true);
  assert.equal(page.chat.reading.unread, 0);
  assert.equal(page.chat.reading.markSeen(), false);
});

test("a message that was long on its way is unread like any other", () => {
  const page = looked([out("hi", 10)]);
  const late = out("late", 5);
  says(page, late);
  assert.equal(page.chat.reading.unread, 1);
  assert.equal(page.chat.reading.firstUnread, `id ${late.msg_out.id}`);
  assert.equal(page.chat.reading.markSeen(), true);
  assert.equal(page.chat.reading.unread, 0);
  says(page, late);
  assert.equal(page.chat.reading.unread, 0);
});

test("a message of the same time as one that was looked at is unread", () => {
  const page = looked([out("hi", 10)]);
  says(page, out("also at ten", 10));
  assert.equal(page.chat.reading.unread, 1);
});

test("what was looked at on one page is read on all, late or not", () => {
  const storage = new FakeStorage();
  const history = newest(out("hi", 1), out("there", 10));
  const [one, other] = [looked(history, storage), looked(history, storage)];
  const late = out("late", 5, NOON);
  says(one, late);
  says(other, late);
  one.chat.reading.markSeen();
  assert.equal(other.chat.reading.unread, 0);
});

test("what one page shows and the next one has not got yet is read when it comes there", () => {
  const storage = new FakeStorage();
  const history = [out("there", 10)];
  const [one, other] = [looked(history, storage), looked(history, storage)];
  for (const item of [out("late", 5, NOON), out("new", 11), out("newer", 12)]) {
    says(one, item);
    one.chat.reading.markSeen();
    says(other, item);
    assert.equal(other.chat.reading.unread, 0, item.msg_out.text);
  }
});
