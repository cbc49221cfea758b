/**
 * Why a handshake failed, which browsers hide: a plain GET of the same address tells, or the page's
 * own policy, which forbids both.
 */

/** Milliseconds. */
const LEAST_ASKED = 5_000;
/** Whatever stands before the server may be down for hours, or say so. */
const MOST_ASKED = 300_000;

/**
 * @param {import("./connection.js").World} world
 * @param {string} url
 * @param {AbortSignal} signal
 * @returns {Promise<{ refused: string, patience: number }>} `refused` is why there will be no line,
 *   or ""; `patience` the milliseconds asked for, or 0
 */
export async function reasonOf(world, url, signal) {
  let [status, wait, error] = [0, 0, ""];
  try {
    const response = await world.fetch(url, { cache: "no-store", credentials: "omit", signal });
    status = response.status;
    wait = Number(response.headers.get("Retry-After"));
    const body = await response.json();
    error = String(body.error ?? "");
    wait = Number(body.retry_after) || wait;
  } catch {
    // Nobody is there, or one who does not speak JSON: the status says enough.
    if (!status && world.forbidden(url)) return { refused: "the page's Content-Security-Policy: connect-src", patience: 0 };
  }
  const final = status === 403 || status === 404 || (status === 400 && error === "no such channel");
  const busy = status === 429 || status === 503;
  return {
    refused: final ? error || String(status) : "",
    patience: busy ? Math.min(MOST_ASKED, Math.max(LEAST_ASKED, (wait || 0) * 1000)) : 0,
  };
}
