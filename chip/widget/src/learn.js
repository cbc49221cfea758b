/**
 * What is known of when somebody answers, by the page's attributes or by the server. What shows it
 * is in a file of its own, which is loaded where there is something to show.
 */
const SHOWN = ["hours", "usually"];
/** Milliseconds. */
const WITHIN = 10_000;

/**
 * @param {string} server
 * @param {string} channel
 * @param {(name: string) => string} wish  what an attribute says
 */
export async function learn(server, channel, wish) {
  const told = await ask(`${server}/wc/availability/${channel}`);
  const fact = (/** @type {string} */ name) => wish(name) || String(told[name] ?? "");
  if (!SHOWN.some(fact)) return null;
  try {
    /** @type {typeof import("./availability/availability.js")} */
    const { Availability } = await import(`${server}/wc/widget/availability.js`);
    return { Availability, fact };
  } catch {
    return null;
  }
}

/** @param {string} address @returns {Promise<Record<string, unknown>>} */
async function ask(address) {
  try {
    const response = await fetch(address, { credentials: "omit", signal: AbortSignal.timeout(WITHIN) });
    return response.ok ? (await response.json()) ?? {} : {};
  } catch {
    return {};
  }
}
