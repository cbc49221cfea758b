/**
 * The face of somebody who answers, and who that is.
 */
import { h, webAddress } from "./dom.js";

/** Milliseconds. Whoever answered longer ago may not be there any more. */
const THERE = 24 * 3_600_000;

/**
 * Whoever answered last, if it was a person and of late.
 *
 * @param {import("./conversation.js").Entry[]} entries
 * @param {number} now
 */
export function agentOf(entries, now) {
  const last = entries.findLast(({ own }) => !own);
  return last?.user?.name && now - last.when < THERE ? last.user : null;
}

/**
 * His picture, or his initial where there is none to be had.
 *
 * @param {string} name
 * @param {string | null | undefined} picture  an address
 */
export function face(name, picture) {
  const initial = h("span", { class: "avatar", "aria-hidden": "true" }, Array.from(name)[0] ?? "");
  const address = webAddress(picture ?? "")?.href;
  if (!address) return initial;
  const image = h("img", { class: "avatar", src: address, alt: "", referrerpolicy: "no-referrer" });
  image.addEventListener("error", () => image.replaceWith(initial));
  return image;
}
