import assert from "node:assert/strict";
import { test } from "node:test";

import { markdown } from "../../../chip/widget/src/markdown.js";

/** As much of an element as the module asks for. */
class Element {
  constructor(tag) {
    this.tag = tag;
    this.classList = { add() {} };
  }
  append() {}
  setAttribute() {}
  matches(tag) {
    return this.tag === tag;
  }
}

globalThis.document = { createElement: (tag) => new Element(tag) };

/** Processor time for that text, in milliseconds: the least of a few runs. */
function cost(text) {
  const runs = Array.from({ length: 4 }, () => {
    const before = process.cpuUsage();
    markdown(text);
    const { user } = process.cpuUsage(before);
    return user / 1000;
  });
  return Math.min(...runs);
}

const HOSTILE = ["*_", "**", "*a **b ", "[", "[a](https:x", "`a``b", "```\n", "```x\ny\n", "- ", "_*__**", "`", "*a ", "[a]", "1. a\n", "(("];

for (const text of HOSTILE) {
  test(`ten times the text takes about ten times as long: ${JSON.stringify(text)}`, () => {
    const size = Math.floor(2_000 / text.length);
    const [small, large] = [cost(text.repeat(size)), cost(text.repeat(10 * size))];
    assert.ok(large < 40 * Math.max(small, 2), `${small} ms, then ${large} ms`);
  });
}

test("a text too long to be a message is plain, and takes no longer", () => {
  const text = "*a ".repeat(100_000);
  assert.deepEqual(markdown(text), [text]);
});
