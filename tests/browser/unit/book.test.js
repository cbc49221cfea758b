/** What the desk's page knows of a conversation. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { Book } from "../../../chip/desk/pages/book.js";

/** @param {number} id @param {string} [state] @returns {any} */
const message = (id, state = "heard") => ({ id, uuid: `m${id}`, conversation: 7, text: `text ${id}`, state });
/** @param {number} first @param {number} last */
const page = (first, last) => Array.from({ length: last - first + 1 }, (_, place) => message(first + place));
/** @param {Book} book */
const shown = (book) => book.messages(7).map(({ id }) => id);

test("a message from long before does not hide those between", () => {
  const book = new Book();
  book.putPage(7, page(50, 52));
  book.putMessage(message(3, "delivered"));
  assert.deepEqual(shown(book), [50, 51, 52]);
  book.putPage(7, page(48, 49));
  assert.deepEqual(shown(book), [48, 49, 50, 51, 52]);
});

test("a message from long before that came first waits for those between", () => {
  const book = new Book();
  book.putMessage(message(3, "delivered"));
  assert.deepEqual(shown(book), []);
  book.putPage(7, page(4, 5));
  book.putPage(7, [message(3, "sent")]);
  assert.deepEqual(shown(book), [3, 4, 5]);
  assert.equal(book.messages(7)[0]?.state, "delivered");
});

test("what comes while a conversation is fetched is behind it", () => {
  const book = new Book();
  book.putMessage(message(6));
  book.putPage(7, page(4, 5));
  assert.deepEqual(shown(book), [4, 5, 6]);
});

test("a conversation without messages shows its first one", () => {
  const book = new Book();
  book.putPage(7, []);
  book.putMessage(message(1));
  assert.deepEqual(shown(book), [1]);
});

test("after a gap only the open conversation is kept, from where all are known", () => {
  const book = new Book();
  book.putPage(7, page(50, 52));
  book.putMessage(message(3));
  book.doubt(7);
  assert.deepEqual(shown(book), [50, 51, 52]);
  book.forgetBefore(7, 80);
  book.putPage(7, page(80, 81));
  assert.deepEqual(shown(book), [80, 81]);
  book.doubt(8);
  assert.deepEqual(shown(book), []);
});

/** @param {number} id @param {string} name @param {number} [unread] @returns {any} */
const conversation = (id, name, unread = 0) => ({ id, name, unread, active: "2024-05-01T12:00:00Z" });
/** @param {Book} book */
const names = (book) => book.list.map(({ name }) => name);

test("an answer that news has overtaken changes nothing, whatever the news was of", () => {
  const book = new Book();
  book.put(conversation(7, "Visitor 7"));
  const moment = book.ask();
  book.put(conversation(7, "Ada"));
  book.put(conversation(7, "Visitor 7", 1), moment);
  assert.deepEqual(names(book), ["Ada"]);
  book.find([conversation(7, "Visitor 7")], false, moment);
  assert.deepEqual(names(book), ["Ada"]);
  book.continue([conversation(7, "Visitor 7")], false, moment);
  book.findAll();
  book.relist([conversation(7, "Visitor 7")], false, moment);
  assert.deepEqual(names(book), ["Ada"]);
  book.put(conversation(7, "Bob"), book.ask());
  assert.deepEqual(names(book), ["Bob"]);
});

test("an answer to what was asked earlier does not undo one to what was asked later", () => {
  const book = new Book();
  const [first, second] = [book.ask(), book.ask()];
  book.put(conversation(7, "Ada"), second);
  book.put(conversation(7, "Visitor 7"), first);
  assert.deepEqual(names(book), ["Ada"]);
});

test("what has been read stays read, though it was asked for before", () => {
  const book = new Book();
  book.put(conversation(7, "Ada", 2));
  const moment = book.ask();
  book.read(conversation(7, "Ada", 2));
  book.put(conversation(7, "Ada", 2), moment);
  assert.equal(book.conversations.get(7)?.unread, 0);
});

test("who came while the list was on its way is in the list", () => {
  const book = new Book();
  const moment = book.ask();
  book.put(conversation(8, "Bob"));
  book.relist([conversation(7, "Ada")], false, moment);
  assert.deepEqual(names(book), ["Bob", "Ada"]);
});
