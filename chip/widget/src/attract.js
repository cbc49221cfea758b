/**
 * When to load what asks for attention: the teaser where somebody new stays on the first page of a
 * visit, title and sound where somebody chats.
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
  const load = async (/** @type {"notify" | "tease"} */ what) => {
    const file = await later(server, "attention");
    if (!signal.aborted) file?.[what](parts, signal);
  };
  const end = chat.on("status", ({ phase }) => {
    if (phase !== "online") return;
    end();
    load("notify");
  });
  signal.addEventListener("abort", end);
  if (document.referrer.startsWith(`${location.origin}/`)) return;
  setTimeout(() => {
    if (!signal.aborted && chat.status.phase === "idle" && !panel.onPhone && element.getAttribute("teaser") !== "none") load("tease");
  }, STAYS);
}
