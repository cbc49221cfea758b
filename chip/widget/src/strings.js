/**
 * What to call things in the visitor's language, and how to write times and numbers in it.
 */
import { base } from "./language.js";
import { en } from "./words.js";

const RIGHT_TO_LEFT = ["ar"];
const DAY = 86_400_000;

export class Strings {
  #words;
  #locale;
  #plurals;
  #time;
  #day;
  #dayWithYear;

  /**
   * @param {string} language
   * @param {import("./words.js").Words} [words]  of that language and of the site; where they lack one, it is English
   * @param {readonly string[]} [visitor]  the visitor's own languages, which know his country
   */
  constructor(language, words = {}, visitor = []) {
    const tag = language.replaceAll("_", "-");
    this.#words = { ...en, ...words };
    this.language = tag;
    this.direction = RIGHT_TO_LEFT.includes(base(tag)) ? "rtl" : "ltr";
    // Browsers lack the names of months in some languages, and would write them in another.
    this.#locale = supported(visitor.find((own) => base(own) === base(tag)) ?? tag);
    const locale = this.#locale ?? "en-GB";
    const month = this.#locale ? "long" : "2-digit";
    this.#plurals = new Intl.PluralRules(locale);
    this.#time = new Intl.DateTimeFormat(locale, { hour: "numeric", minute: "2-digit" });
    this.#day = new Intl.DateTimeFormat(locale, { weekday: this.#locale ? "long" : undefined, day: "numeric", month });
    this.#dayWithYear = new Intl.DateTimeFormat(locale, { day: "numeric", month, year: "numeric" });
  }

  /**
   * @param {string} name
   * @param {number} [n]
   */
  say(name, n = 0) {
    const phrase = this.#words[name] ?? name;
    const text = typeof phrase === "string" ? phrase : phrase[this.#plurals.select(n)] ?? phrase.other ?? "";
    return text.replace("{n}", n.toLocaleString(this.#locale ?? "en-GB"));
  }

  /** The hour. @param {number} when  milliseconds */
  time(when) {
    return this.#time.format(when);
  }

  /** Today, yesterday, or the date. @param {number} when @param {number} now  milliseconds */
  day(when, now) {
    const ago = Math.round((midnight(now) - midnight(when)) / DAY);
    if (ago === 0) return this.say("today");
    if (ago === 1) return this.say("yesterday");
    const thisYear = new Date(when).getFullYear() === new Date(now).getFullYear();
    return (thisYear ? this.#day : this.#dayWithYear).format(when);
  }
}

/** The start of that day here. @param {number} when  milliseconds */
export function midnight(when) {
  return new Date(when).setHours(0, 0, 0, 0);
}

/** @param {string} tag */
function supported(tag) {
  try {
    return Intl.DateTimeFormat.supportedLocalesOf(tag)[0];
  } catch {
    return undefined;
  }
}
