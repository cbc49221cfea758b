/**
 * The true word on when somebody answers: what is known, and no more.
 *
 *     Open now · Usually answers in a few minutes
 *     We are away · Back tomorrow at 09:00
 */
import { say } from "./phrases.js";

const ONE_DAY = 86_400_000;

/** What is said of an answer that takes at most so many seconds. @type {[number, string][]} */
const STEPS = [[600, "usuallyMinutes"], [5_400, "usuallyHour"], [21_600, "usuallyHours"], [129_600, "usuallyDay"], [Infinity, "usuallyDays"]];

/**
 * @param {import("../strings.js").Strings} strings
 * @param {object} facts
 * @param {import("./hours.js").Opening | null} facts.opening  null where no hours are known
 * @param {string} facts.available  the owner's own words
 * @param {string} facts.away
 * @param {number} facts.usually  seconds; 0 where that is not known
 * @param {number} now  milliseconds
 */
export function word(strings, { opening, available, away, usually }, now) {
  const usual = usually > 0 && say(strings, STEPS.find(([most]) => usually <= most)?.[1] ?? "");
  const words = !opening
    ? [usual]
    : opening.open
      ? [available || say(strings, "available"), usual]
      : [away || say(strings, "away"), back(strings, opening.change, now)];
  return words.filter(Boolean).join(" · ");
}

/** @param {import("../strings.js").Strings} strings @param {number} when @param {number} now */
function back(strings, when, now) {
  const time = strings.time(when);
  const days = Math.round((midnight(when) - midnight(now)) / ONE_DAY);
  if (days < 1) return say(strings, "back", { time });
  if (days === 1) return say(strings, "backTomorrow", { time });
  return say(strings, "backOn", { time, day: strings.day(when, now) });
}

/** @param {number} when */
function midnight(when) {
  return new Date(when).setHours(0, 0, 0, 0);
}
