/** What waits at the desk to be sent, and what was begun. */
import assert from "node:assert/strict";
import { registerHooks } from "node:module";
import { beforeEach, mock, test } from "node:test";

// As the desk is served: the widget's modules lie beside its own.
registerHooks({ resolve: (name, at, next) => next(name.replace(/^\.\/widget\//, "../../widget/src/"), at) });
const { Notes } = await import("../../../chip/widget/src/notes.js");
const { Outbox } = await import("../../../chip/desk/pages/outbox.js");
const { Sender } = await import("../../../chip/desk/pages/sender.js");

const DAY = 86_400_000;

/** A browser's storage, as far as notes use it. */
class Storage {
  /** @param {string} key */ getItem(key) { return /** @type {any} */ (this)[key] ?? null; }
  /** @param {string} key @param {string} value */ setItem(key, value) { /** @type {any} */ (this)[key] = value; }
  /** @param {string} key */ removeItem(key) { delete /** @type {any} */ (this)[key]; }
}

/** @param {string} text */
const words = (text) => ({ text, quick_replies: [], attachments: [] });
/** @type {string[]} */
let sent;
let storage = /** @type {any} */ (new Storage());
const page = () => new Outbox(new Notes("desk", () => storage));

/** Chip takes whatever it is told. @param {any} outbox */
async function sends(outbox) {
  globalThis.fetch = async (_, options) => {
    const asked = JSON.parse(String(options?.body));
    sent.push(asked.text);
    return Response.json({ message: { uuid: asked.uuid } });
  };
  const sender = new Sender(outbox, () => {}, () => {});
  sender.go();
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
  await new Promise((resolve) => setImmediate(resolve));
}

beforeEach(() => {
  sent = [];
  storage = new Storage();
  mock.timers.reset();
  mock.timers.enable({ apis: ["Date"], now: 10 * DAY });
});

/** @param {any} outbox */
const states = (outbox) => outbox.replies().map((/** @type {any} */ { text, state, why }) => [text, state, why]);
const TOO_LATE = "It has waited for over a day.";

test("a reply that has waited for a day while the page was open is not sent unasked", async () => {
  const outbox = page();
  outbox.add("u1", 7, "Ann", words("old"));
  mock.timers.setTime(11 * DAY);
  outbox.add("u2", 7, "Ann", words("new"));
  mock.timers.setTime(11 * DAY + 1);
  await sends(outbox);
  assert.deepEqual(sent, ["new"]);
  assert.deepEqual(states(outbox), [["old", "refused", TOO_LATE]]);
  outbox.retry("u1");
  await sends(outbox);
  assert.deepEqual(sent, ["new", "old"]);
});

test("nor is one that has waited since an earlier page", async () => {
  page().add("u1", 7, "Ann", words("old"));
  mock.timers.setTime(11 * DAY + 1);
  const outbox = page();
  await sends(outbox);
  assert.deepEqual(sent, []);
  assert.deepEqual(states(outbox), [["old", "refused", TOO_LATE]]);
});

test("one that has waited for less is sent", async () => {
  page().add("u1", 7, "Ann", words("in time"));
  mock.timers.setTime(11 * DAY);
  await sends(page());
  assert.deepEqual(sent, ["in time"]);
});

test("fifty replies are kept, and then it is full", () => {
  const outbox = page();
  for (let number = 0; number < 50; number++) {
    assert.equal(outbox.isFull, false);
    outbox.add(`u${number}`, number, "Ann", words("hello"));
  }
  assert.equal(outbox.isFull, true);
  assert.equal(page().isFull, true);
  outbox.remove("u7");
  assert.equal(outbox.isFull, false);
});

test("fifty drafts are kept, and then the oldest is forgotten", () => {
  const outbox = page();
  for (let number = 1; number <= 50; number++) {
    mock.timers.tick(1000);
    outbox.keepDraft(number, words(`draft ${number}`));
  }
  assert.equal(outbox.draft(1)?.text, "draft 1");
  mock.timers.tick(1000);
  outbox.keepDraft(1, words("again"));
  mock.timers.tick(1000);
  outbox.keepDraft(51, words("one more"));
  assert.equal(outbox.draft(2), null);
  assert.deepEqual([1, 3, 51].map((number) => outbox.draft(number)?.text), ["again", "draft 3", "one more"]);
});
