/**
 * Tells a visitor who looks elsewhere that a message has just come: by the page's title, until he looks
 * or has read it on another page, and by a tone.
 *
 * Of several tabs one does it, and none while another one is looked at.
 *
 *     chip:looked:<channel>  held by all tabs that are looked at
 *     chip:title:<channel>   held by the one whose title says it, as long as it does
 *     chip:sound:<channel>   held by the one that plays, until there may be another tone
 */
import { sayOwn } from "./phrases.js";
import { alone, holdWhileLookedAt, isHeld, lookedAt } from "./tabs.js";
import { markTitle, unmarkTitle } from "./title.js";
import { Tone } from "./tone.js";

/** Milliseconds from one tone to the next, at least. */
const BETWEEN_TONES = 1_000;

/** @param {import("./attention.js").Parts} parts @param {AbortSignal} stopped */
export function notify({ element, channel, chat, say }, stopped) {
  const looked = `chip:looked:${channel}`;
  const tone = new Tone(() => element.getAttribute("sound") !== "none", stopped);
  /** Gives the title's lock back; null while the title is the page's own. @type {((value?: unknown) => void) | null} */
  let release = null;

  holdWhileLookedAt(looked, stopped);
  const ends = [chat.on("message", arrived), chat.on("change", look)];
  document.addEventListener("visibilitychange", look, { signal: stopped });
  stopped.addEventListener("abort", () => {
    for (const end of ends) end();
    look();
  });

  /** @param {import("../conversation.js").Entry} entry */
  async function arrived({ own }) {
    if (own || lookedAt() || (await isHeld(looked))) return;
    if (release) mark();
    else void alone(`chip:title:${channel}`, () => new Promise((resolve) => {
      release = resolve;
      mark();
    }));
    if (!tone.allowed) return;
    void alone(`chip:sound:${channel}`, () => {
      void tone.play();
      return new Promise((resolve) => setTimeout(resolve, BETWEEN_TONES));
    });
  }

  function mark() {
    markTitle(sayOwn(say, "arrived", chat.reading.unread));
    look();
  }

  /** Whether there is still something to tell. */
  function look() {
    if (!release || !(lookedAt() || stopped.aborted || !chat.reading.unread)) return;
    unmarkTitle();
    release();
    release = null;
  }
}
