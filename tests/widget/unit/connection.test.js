import assert from "node:assert/strict";
import { test } from "node:test";
import { Connection } from "../../../chip/widget/src/connection.js";
import { settled, World } from "./world.js";

const URL = "https://chat.example/wc/connect/7d62d551";

function connect() {
  const world = new World();
  const connection = new Connection(URL, world);
  const frames = [];
  const losses = [];
  connection.on("frame", (frame) => frames.push(frame));
  connection.on("lost", ({ code }) => losses.push(code));
  connection.start();
  return { world, connection, frames, losses };
}

/** Lose an open line, and return the seconds until the next attempt. */
function waits(connection, world) {
  assert.equal(connection.state.name, "waiting");
  return (connection.state.until - world.time) / 1000;
}

test("the socket has the address of the page's server, by the socket's scheme", () => {
  const { world } = connect();
  assert.equal(world.line.url, "wss://chat.example/wc/connect/7d62d551");
});

test("frames are handed on, pongs and nonsense are not", () => {
  const { world, frames } = connect();
  world.line.opens();
  for (const said of [{ type: "history" }, { type: "pong" }, "{", "[]", "null", "{}"]) world.line.says(said);
  assert.deepEqual(frames, [{ type: "history" }]);
});

test("a lost line is tried again within full jitter, from half a second to thirty", async () => {
  const { world, connection } = connect();
  world.line.opens();
  const shortest = [];
  const longest = [];
  for (let attempt = 0; attempt < 9; attempt++) {
    world.luck = 0;
    world.line.ends();
    shortest.push(waits(connection, world));
    world.luck = 1;
    connection.replace();
    world.line.opens();
    world.line.ends();
    longest.push(waits(connection, world));
    connection.replace();
    world.line.opens();
  }
  assert.deepEqual(new Set(shortest), new Set([0.5]));
  assert.equal(longest[0], 2);
  assert.equal(longest.at(-1), 30);
});

test("a line that served counts its failures from zero again", () => {
  const { world, connection } = connect();
  world.luck = 1;
  for (let attempt = 0; attempt < 6; attempt++) {
    world.line.opens();
    world.line.ends();
    connection.nudge();
  }
  world.line.opens();
  connection.settled();
  world.line.ends();
  assert.equal(waits(connection, world), 1);
});

test("the next attempt comes by itself", async () => {
  const { world, connection } = connect();
  world.line.opens();
  world.line.ends(1012);
  await world.pass(0.5);
  assert.equal(world.sockets.length, 2);
  world.line.opens();
  assert.equal(connection.state.name, "open");
});

test("a nudge ends the waiting at once", () => {
  const { world, connection } = connect();
  world.line.opens();
  world.line.ends();
  connection.nudge();
  assert.equal(world.sockets.length, 2);
  assert.equal(connection.state.name, "connecting");
});

test("nudges while a socket is opening change nothing", () => {
  const { world, connection } = connect();
  connection.nudge();
  connection.nudge();
  assert.equal(world.sockets.length, 1);
});

test("a silent line is asked, and replaced when it does not answer", async () => {
  const { world, losses } = connect();
  world.line.opens();
  await world.pass(20);
  assert.deepEqual(world.line.heard("ping"), [{ type: "ping" }]);
  await world.pass(8);
  assert.ok(world.sockets[0].closed);
  assert.deepEqual(losses, [1006]);
  await world.pass(1);
  assert.equal(world.sockets.length, 2);
});

test("a line that answers is kept, and asked again later", async () => {
  const { world } = connect();
  world.line.opens();
  for (let minute = 0; minute < 3; minute++) {
    await world.pass(20);
    world.line.says({ type: "pong" });
  }
  assert.equal(world.line.heard("ping").length, 3);
  assert.equal(world.sockets.length, 1);
});

test("a nudge doubts an open line, and gives it less time", async () => {
  const { world, connection } = connect();
  world.line.opens();
  connection.nudge();
  connection.nudge();
  assert.equal(world.line.heard("ping").length, 1);
  await world.pass(4);
  assert.ok(world.sockets[0].closed);
});

test("a handshake that never ends is given up", async () => {
  const { world, connection } = connect();
  await world.pass(15);
  assert.ok(world.sockets[0].closed);
  assert.equal(connection.state.name, "waiting");
});

test("a replaced line waits until the page is looked at", async () => {
  const { world, connection } = connect();
  world.line.opens();
  world.line.ends(4409);
  await world.pass(3600);
  assert.equal(world.sockets.length, 1);
  assert.equal(connection.state.name, "replaced");
  connection.nudge();
  assert.equal(world.sockets.length, 2);
});

for (const code of [4008, 4013, 4029, 4400]) {
  test(`a line closed with ${code} is not tried again at once`, () => {
    const { world, connection } = connect();
    world.line.opens();
    world.line.ends(code);
    assert.ok(waits(connection, world) >= 5);
    assert.ok(connection.state.busy);
  });
}

async function refused(status, body, headers) {
  const parts = connect();
  parts.world.line.ends();
  await parts.world.questions[0].answer(status, body, headers);
  return parts;
}

test("why a handshake failed is asked by a plain request", async () => {
  const { world, connection } = await refused(426, {});
  assert.equal(world.questions[0].url, URL);
  assert.equal(waits(connection, world), 0.5);
});

test("a server that asks for patience gets it, and jitter on top", async () => {
  const { world, connection } = connect();
  world.luck = 0.5;
  world.line.ends();
  await world.questions[0].answer(503, { error: "overloaded" }, { "Retry-After": "12" });
  assert.ok(waits(connection, world) > 12);
  assert.ok(connection.state.busy);
});

test("the patience may be named in the body, which pages can always read", async () => {
  const { world, connection } = await refused(429, { error: "too many", retry_after: 20 });
  assert.equal(waits(connection, world), 20);
});

test("patience asked for is kept when the page is looked at, unless the visitor insists", async () => {
  const { world, connection } = await refused(503, { retry_after: 20 });
  connection.nudge();
  assert.equal(world.sockets.length, 1);
  connection.nudge(true);
  assert.equal(world.sockets.length, 2);
});

for (const [status, error] of [[400, "no such channel"], [403, "origin not allowed"], [404, "not found"]]) {
  test(`${status} ${error} is final, until somebody looks again`, async () => {
    const { world, connection } = await refused(status, { error });
    assert.deepEqual(connection.state, { name: "refused", reason: error });
    await world.pass(3600);
    assert.equal(world.sockets.length, 1);
    connection.nudge();
    assert.equal(world.sockets.length, 2);
  });
}

test("another 400 is not final", async () => {
  const { world, connection } = await refused(400, { error: "bad request" });
  assert.equal(waits(connection, world), 0.5);
});

test("a question that finds no network is a line to be tried again", async () => {
  const { world, connection } = connect();
  world.line.ends();
  await world.questions[0].fail();
  assert.equal(waits(connection, world), 0.5);
});

test("a question without an answer is given up", async () => {
  const { world, connection } = connect();
  world.line.ends();
  await world.pass(8);
  assert.equal(connection.state.name, "waiting");
});

test("an answer that comes after a new attempt began changes nothing", async () => {
  const { world, connection } = connect();
  world.line.ends();
  connection.nudge();
  await world.questions[0].answer(403, { error: "origin not allowed" });
  assert.equal(connection.state.name, "connecting");
});

test("a stopped line stays stopped, whatever its socket still says", async () => {
  const { world, connection, frames } = connect();
  const { line } = world;
  line.opens();
  connection.stop();
  line.says({ type: "history" });
  line.ends();
  await settled();
  await world.pass(60);
  assert.deepEqual(frames, []);
  assert.equal(connection.state.name, "closed");
  assert.equal(world.sockets.length, 1);
});

for (const name of ["connecting", "open", "waiting"]) {
  test(`a line that is stopped by whoever hears that it is ${name} stays stopped`, async () => {
    const { world, connection } = connect();
    connection.on("state", (state) => state.name === name && connection.stop());
    world.line.opens();
    world.line.onclose?.({ code: 1012 });
    await world.pass(3600);
    assert.equal(connection.state.name, "closed");
    assert.equal(world.timers.size, 0);
  });
}

test("what cannot be sent is said to be so", () => {
  const { world, connection } = connect();
  assert.equal(connection.send({ type: "ping" }), false);
  world.line.opens();
  assert.equal(connection.send({ type: "ping" }), true);
});
