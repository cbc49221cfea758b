/**
 * When to load what asks for attention: the teaser where somebody new stays on the first page of a
 * visit.
 */
import { later } from "./later.js";

/** Milliseconds. */
const STAYS = 5_000;

/**
 * @param {import("./attention/attention.js").Parts & { server: string }} parts  of the widget
 * @param {AbortSignal} signal  ends it
 */
export function attract(parts, signal) {
  const { chat, element, panel, server } = parts;
  const load = async () => {
    const file = await later(server, "attention");
    if (!signal.aborted) file?.tease(parts, signal);
  };
  if (document.referrer.startsWith(location.origin)) return;
  setTimeout(() => {
    if (!signal.aborted && chat.status.phase === "idle" && !panel.onPhone && element.getAttribute("teaser") !== "none") load();
  }, STAYS);
}
