/** Lines so slow that what was asked for is long in coming: they must not be taken for dead ones. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Connection } from "../../../chip/widget/src/connection.js";
import { out, Page } from "./page.js";
import { World } from "./world.js";

const URL = "https://chat.example/wc/connect/x";

/** Seconds until a line that says nothing more is given up; then it is open again. */
async function silence(connection, world) {
  const { time, sockets } = world;
  const before = sockets.length;
  while (sockets.length === before) await world.pass(0.25);
  const seconds = (world.time - time) / 1000;
  world.line.opens();
  connection.settled();
  return Math.floor(seconds);
}

/** An open line, whose server says nothing by itself. */
function connect() {
  const world = new World();
  const connection = new Connection(URL, world);
  connection.start();
  world.line.opens();
  return { world, connection };
}

/** An open line that answers each ping after so many seconds, for that long. */
async function answering(world, after, seconds) {
  const end = world.time + seconds * 1000;
  let answered = world.line.heard("ping").length;
  while (world.time < end) {
    await world.pass(0.25);
    if (world.line.heard("ping").length > answered) {
      await world.pass(after);
      world.line.says({ type: "pong" });
      answered++;
    }
  }
}

test("each silence that broke a line makes the next one be waited for longer, up to a minute", async () => {
  const { world, connection } = connect();
  const waited = [];
  for (let times = 0; times < 6; times++) waited.push(await silence(connection, world));
  assert.deepEqual(waited, [28, 36, 52, 80, 80, 80]);
});

test("a doubted line is waited for longer, too", async () => {
  const { world, connection } = connect();
  const waited = [];
  for (let times = 0; times < 6; times++) {
    connection.nudge();
    waited.push(await silence(connection, world));
  }
  assert.deepEqual(waited, [4, 8, 16, 32, 32, 32]);
});

test("a line that answers promptly again is soon expected to", async () => {
  const { world, connection } = connect();
  for (let times = 0; times < 4; times++) await silence(connection, world);
  await answering(world, 0.5, 90);
  world.line.says({ type: "resync" });
  assert.equal(await silence(connection, world), 28);
});

test("a line that answers late goes on being waited for", async () => {
  const { world, connection } = connect();
  for (let times = 0; times < 2; times++) await silence(connection, world);
  const { length } = world.sockets;
  await answering(world, 20, 300);
  assert.equal(world.sockets.length, length);
});

test("a handshake that was too slow is given more time, within half a minute", async () => {
  const world = new World();
  new Connection(URL, world).start();
  const given = [];
  for (let times = 0; times < 4; times++) {
    const { time } = world;
    const { line } = world;
    while (!line.closed) await world.pass(1);
    given.push((world.time - time) / 1000);
    while (world.line === line) await world.pass(0.5);
  }
  assert.deepEqual(given, [15, 30, 30, 30]);
});

test("a line that was refused or closed properly is no silence", async () => {
  const { world, connection } = connect();
  for (let times = 0; times < 3; times++) {
    world.line.ends(1012);
    await world.pass(1);
    world.line.opens();
  }
  assert.equal(await silence(connection, world), 28);
});

/**
 * A server behind a line of 2 KB a second, until the page of history is there.
 *
 * @returns {Promise<number>} the seconds it took, or Infinity if it did not come within ten minutes
 */
async function historyOver(page, bytes) {
  const { world } = page;
  const began = world.time;
  const history = [out("x".repeat(bytes), 1)];
  const frame = JSON.stringify({ type: "history", history, more: false });
  const seconds = frame.length / 2048;
  while (!page.shown.length && world.time < began + 600_000) {
    await world.pass(0.5);
    const { line } = world;
    if (line.closed || line.readyState === 1) continue;
    line.opens();
    const [{ chat_id: chat }] = line.heard("start_chat");
    line.says(chat ? { type: "chat_resumed", chat_id: chat, email: "" } : { type: "chat_started", chat_id: "chat1" });
    // What the line carries comes in order: pongs after the page.
    world.later(() => line.says(frame), seconds * 1000);
    world.later(() => line.heard("ping").forEach(() => line.says({ type: "pong" })), seconds * 1000 + 1);
  }
  return page.shown.length ? (world.time - began) / 1000 : Infinity;
}

for (const [kilobytes, most] of [[12, 10], [76, 120], [140, 300]]) {
  test(`a page of ${kilobytes} KB arrives over a line of 2 KB a second`, async () => {
    const page = new Page();
    page.chat.want();
    assert.ok((await historyOver(page, kilobytes * 1024)) <= most);
  });
}
