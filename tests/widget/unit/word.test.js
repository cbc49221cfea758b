import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { phrases } from "../../../chip/widget/src/availability/phrases.js";
import { schedule } from "../../../chip/widget/src/availability/hours.js";
import { word } from "../../../chip/widget/src/availability/word.js";
import { Strings } from "../../../chip/widget/src/strings.js";

const WORDS = new URL("../../../chip/widget/src/words/", import.meta.url);

/** What a visitor in that zone is told. */
function told({ at, visitor = "UTC", hours = "Mon-Fri 09:00-17:00", zone = "UTC", strings, ...facts }) {
  process.env.TZ = visitor;
  const now = Date.parse(at);
  const opening = hours && schedule(hours, zone)(now);
  const known = { opening: opening || null, available: "", away: "", usually: 0, ...facts };
  // Whether an hour has two digits is the platform's own.
  return word(strings ?? new Strings("en-GB"), known, now).replace(/\b0(?=\d:)/, "");
}

test("within the hours it is open, and no more is claimed", () => {
  assert.equal(told({ at: "2026-11-26T10:00:00Z" }), "Open now");
  assert.equal(told({ at: "2026-11-26T10:00:00Z", usually: 240 }), "Open now · Usually answers in a few minutes");
});

test("outside of them it is said when somebody is back, by the visitor's own clock", () => {
  assert.equal(told({ at: "2026-11-26T08:00:00Z" }), "We are away · Back at 9:00");
  assert.equal(told({ at: "2026-11-26T18:00:00Z", usually: 240 }), "We are away · Back tomorrow at 9:00");
  assert.equal(told({ at: "2026-11-27T18:00:00Z" }), "We are away · Back Monday 30 November at 9:00");
  assert.equal(told({ at: "2026-11-26T08:00:00Z", visitor: "Asia/Tokyo" }), "We are away · Back at 18:00");
  assert.equal(told({ at: "2026-11-26T04:00:00Z", visitor: "America/Los_Angeles" }), "We are away · Back tomorrow at 1:00");
  assert.equal(told({ at: "2026-11-26T18:00:00Z", visitor: "Pacific/Kiritimati" }), "We are away · Back at 23:00");
});

test("the owner's own words come before the widget's", () => {
  const words = { available: "The workshop is open", away: "The workshop is closed" };
  assert.equal(told({ at: "2026-11-26T10:00:00Z", ...words }), "The workshop is open");
  assert.equal(told({ at: "2026-11-26T08:00:00Z", ...words }), "The workshop is closed · Back at 9:00");
});

test("where no hours are known nobody is said to be there", () => {
  assert.equal(told({ at: "2026-11-26T10:00:00Z", hours: "", available: "We are here", away: "We are out" }), "");
  assert.equal(told({ at: "2026-11-26T10:00:00Z", hours: "", usually: 240 }), "Usually answers in a few minutes");
});

test("how long an answer takes is said in round words", () => {
  const usual = (usually) => told({ at: "2026-11-26T10:00:00Z", hours: "", usually }).replace("Usually answers in ", "");
  assert.deepEqual([1, 600, 601, 7_200, 80_000, 400_000].map(usual), [
    "a few minutes", "a few minutes", "about an hour", "a few hours", "about a day", "a few days",
  ]);
});

test("it is said in the visitor's language, with his own names of days", () => {
  const words = JSON.parse(readFileSync(new URL("fr.json", WORDS), "utf8"));
  const strings = new Strings("fr", words);
  assert.equal(told({ at: "2026-11-27T18:00:00Z", strings }), "Nous sommes absents · De retour lundi 30 novembre à 9:00");
});

test("every language says all of it, with the same holes", () => {
  const holes = (text) => text.match(/\{\w+\}/g)?.sort() ?? [];
  for (const file of readdirSync(WORDS)) {
    const words = JSON.parse(readFileSync(new URL(file, WORDS), "utf8"));
    for (const [name, phrase] of Object.entries(phrases)) assert.deepEqual(holes(words[name] ?? ""), holes(phrase), `${file}: ${name}`);
  }
});
