import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { readHours, schedule } from "../../../chip/widget/src/availability/hours.js";

// The server's own reading of the same examples is in tests/desk/test_hours.py.
const { good, bad } = JSON.parse(readFileSync(new URL("../../support/hours.json", import.meta.url), "utf8"));
const shown = (when) => (when === Infinity ? null : new Date(when).toISOString().replace(".000", ""));

for (const { hours, zone, at, ...expected } of good) {
  test(`${hours} in ${zone} at ${at}`, () => {
    const { open, change } = schedule(hours, zone)(Date.parse(at));
    assert.deepEqual({ [open ? "until" : "opens"]: shown(change) }, expected);
  });
}

for (const hours of bad) {
  test(`"${hours}" are no hours`, () => assert.throws(() => readHours(hours), /there are no hours|is not like “Mon-Fri 09:00-17:00”/));
}

test("what is no zone is refused", () => {
  for (const zone of ["", "Mars/Base", "Paris"]) assert.throws(() => schedule("Mon 09:00-17:00", zone), RangeError);
});

test("it is said since when it is closed", () => {
  const { since } = schedule("Mon-Fri 09:00-17:00", "UTC")(Date.parse("2026-11-28T10:00:00Z"));
  assert.equal(shown(since), "2026-11-27T17:00:00Z");
});

test("a time that the clock leaves out is never waited for in the past", () => {
  const now = Date.parse("2026-03-29T00:45:00Z");
  const { open, change } = schedule("Sun 02:30-03:30", "Europe/Paris")(now);
  assert.equal(open, false);
  assert.ok(change > now);
});
