import assert from "node:assert/strict";
import { test } from "node:test";
import { textNodes } from "../../../chip/widget/src/text.js";

/** As much of a document as text needs. */
function element(tag) {
  return { tag, children: [], setAttribute(name, value) { this[name] = value; }, append(...children) { this.children.push(...children); } };
}
globalThis.document = { createElement: element };

/** The links of a text: what is shown, and where it leads. */
function links(text) {
  return textNodes(text).filter((node) => typeof node !== "string").map((node) => [node.children[0].children[0], node.href]);
}

for (const [text, shown, address] of [
  ["see (https://a.example/x_(y)).", "https://a.example/x_(y)", "https://a.example/x_(y)"],
  ["[https://a.example/]!", "https://a.example/", "https://a.example/"],
  ["{{https://a.example/{b}}}", "https://a.example/{b}", "https://a.example/%7Bb%7D"],
  ["www.a.example, or", "www.a.example", "https://www.a.example/"],
  ["Ann <ann.o+x@mail.a.example>", "ann.o+x@mail.a.example", "mailto:ann.o+x@mail.a.example"],
]) {
  test(`a link ends where its sentence goes on: ${text}`, () => {
    assert.deepEqual(links(text), [[shown, address]]);
  });
}

for (const text of ["a".repeat(10_000), `http://a${")".repeat(10_000)}`, `+${"1".repeat(10_000)}`, "a+".repeat(5_000), `a@${"a-".repeat(5_000)}`]) {
  test(`ten thousand letters are read at once: ${text.slice(0, 20)}…`, () => {
    const before = process.cpuUsage();
    textNodes(text);
    // Not by the clock, which goes on while others compute.
    assert.ok(process.cpuUsage(before).user < 250_000);
  });
}
