/**
 * What is true about the chat right now, in one word for the page and the site.
 */

/**
 * @typedef {"idle" | "connecting" | "online" | "stalled" | "waiting" | "offline" | "busy" | "replaced" | "refused"} Phase
 * @typedef {{ phase: Phase, until?: number, reason?: string }} Status  `until` in milliseconds
 *
 * @typedef {object} Facts
 * @property {boolean} wanted  the visitor has begun to chat
 * @property {import("./connection.js").LineState} line
 * @property {boolean} ready  the server serves this chat
 * @property {number | null} cannotStartUntil  the server cannot start it before
 * @property {number | null} pausedUntil  the server takes no messages before
 * @property {boolean} online  as far as the browser knows
 */

/** @param {Facts} facts @returns {Status} */
export function statusOf({ wanted, line, ready, cannotStartUntil, pausedUntil, online }) {
  if (!wanted) return { phase: "idle" };
  if (line.name === "refused") return { phase: "refused", reason: line.reason };
  if (line.name === "replaced") return { phase: "replaced" };
  if (line.name === "waiting") return { phase: line.busy ? "busy" : online ? "waiting" : "offline", until: line.until };
  if (cannotStartUntil !== null) return { phase: "busy", until: cannotStartUntil };
  if (!ready) return { phase: "connecting" };
  return pausedUntil === null ? { phase: "online" } : { phase: "stalled", until: pausedUntil };
}
