/**
 * Opening hours: what a site wrote, whether it is within them, and when that changes.
 *
 *     Mon-Fri 09:00-12:30, 13:30-17:00; Sat 10:00-13:00; Fri,Sat 22:00-02:00
 *
 * Days of the week, and times of the zone that goes with them. A time that ends no later than it
 * begins ends on the next day. The server reads the same (`desk/hours.py`).
 */

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const DAY = 24 * 60;
const WEEK = 7 * DAY;
const MINUTE = 60_000;

/** A time of every week: minutes from Monday 00:00, and how many it lasts. @typedef {[begins: number, lasts: number]} Span */

/**
 * @typedef {object} Opening
 * @property {boolean} open
 * @property {number} change  when that changes, in milliseconds; Infinity for never
 * @property {number} since  when it was closed last, about
 */

/**
 * Tells what is true at a moment (milliseconds). Throws an Error that names what is wrong.
 *
 * @param {string} hours
 * @param {string} zone  as in Europe/Paris
 * @returns {(now: number) => Opening}
 */
export function schedule(hours, zone) {
  const spans = readHours(hours);
  const clock = clockOf(zone);
  return (now) => {
    const minute = clock(now);
    const left = (/** @type {number} */ from) => Math.max(0, ...spans.map(([begins, lasts]) => lasts - inWeek(from - begins)));
    let open = 0;
    for (let more = 1; more && open < WEEK; open += more) more = left(minute + open);
    const ahead = open || Math.min(...spans.map(([begins]) => inWeek(begins - minute)));
    return {
      open: open > 0,
      change: open < WEEK ? later(clock, now, ahead) : Infinity,
      since: now - Math.min(...spans.map(([begins, lasts]) => inWeek(minute - begins - lasts))) * MINUTE,
    };
  };
}

/** @param {string} text @returns {Span[]} */
export function readHours(text) {
  const entries = text.split(";").filter((entry) => entry.trim());
  if (!entries.length) throw new Error("there are no hours");
  return entries.flatMap((entry) => {
    const [, days, times] = /^\s*([^\d]+?)\s+(\d.*)$/s.exec(entry) ?? wrong(entry);
    const spans = split(times).map(readTimes);
    return split(days).flatMap(readDays).flatMap((day) => spans.map(([begins, lasts]) => /** @type {Span} */ ([day * DAY + begins, lasts])));
  });
}

/** @param {string} text @returns {number[]} */
function readDays(text) {
  const [, from = "", to = from] = /^([a-z]+)(?:\s*[-–]\s*([a-z]+))?$/i.exec(text) ?? [];
  const [first = -1, last = -1] = [from, to].map((name) => DAYS.indexOf(name.toLowerCase()));
  if (first < 0 || last < 0) wrong(text);
  return Array.from({ length: ((last - first + 7) % 7) + 1 }, (_, more) => (first + more) % 7);
}

/** @param {string} text @returns {Span} */
function readTimes(text) {
  const numbers = /^(\d?\d):([0-5]\d)\s*[-–]\s*(\d?\d):([0-5]\d)$/.exec(text) ?? wrong(text);
  const [, hour = 0, minute = 0, endHour = 0, endMinute = 0] = numbers.map(Number);
  const [begins, ends] = [hour * 60 + minute, endHour * 60 + endMinute];
  if (begins >= DAY || ends > DAY || begins === ends) wrong(text);
  return [begins, (ends - begins + DAY) % DAY || DAY];
}

/**
 * The minute of the week in a zone. Throws a RangeError where there is no such zone.
 *
 * @param {string} zone
 * @returns {(when: number) => number}
 */
function clockOf(zone) {
  const format = new Intl.DateTimeFormat("en-US", { timeZone: zone, weekday: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  return (when) => {
    const parts = Object.fromEntries(format.formatToParts(when).map(({ type, value }) => [type, value]));
    return DAYS.indexOf((parts["weekday"] ?? "").toLowerCase()) * DAY + Number(parts["hour"]) * 60 + Number(parts["minute"]);
  };
}

/** When the clock of the zone shows so many minutes more. @param {(when: number) => number} clock @param {number} now @param {number} minutes */
function later(clock, now, minutes) {
  const wanted = inWeek(clock(now) + minutes);
  const plain = (Math.floor(now / MINUTE) + minutes) * MINUTE;
  // It may be put forward or back until then.
  const put = inWeek(wanted - clock(plain) + WEEK / 2) - WEEK / 2;
  return clock(plain + put * MINUTE) === wanted ? plain + put * MINUTE : plain;
}

/** @param {number} minutes */
function inWeek(minutes) {
  return ((minutes % WEEK) + WEEK) % WEEK;
}

/** @param {string | undefined} text */
function split(text = "") {
  return text.split(",").map((part) => part.trim());
}

/** @param {string} text @returns {never} */
function wrong(text) {
  throw new Error(`“${text.trim()}” is not like “Mon-Fri 09:00-17:00”`);
}
