/**
 * What this file says, in English: the other languages have it in `words/`. `{n}` is a number.
 */

/** @type {Record<string, { one?: string, other: string }>} */
export const phrases = {
  teaserHide: { other: "Hide this message" },
  arrived: { one: "({n}) New message", other: "({n}) New messages" },
};

/**
 * @param {(name: string, n?: number) => string} say  the widget's, which calls what it has no words for by its name
 * @param {string} name
 * @param {number} [n]
 */
export function sayOwn(say, name, n = 0) {
  const said = say(name, n);
  const { one, other } = phrases[name] ?? { other: name };
  return said === name ? ((n === 1 && one) || other).replace("{n}", String(n)) : said;
}
