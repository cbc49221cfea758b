/**
 * Pictures, sounds, films and files that came with a message: `content/type:address` each.
 */
import { keepIn } from "./boundary.js";
import { h, icon, link, webAddress } from "./dom.js";
import { later } from "./later.js";

/** Pixels: a picture of less than this width would be blurred if it filled its frame. */
const SMALL = 200;

/**
 * @param {string} attachment
 * @param {import("./strings.js").Strings} strings
 * @param {(address: string, name: string) => void} show  opens a picture large
 * @returns {HTMLElement}
 */
export function attachmentView(attachment, strings, show) {
  const { kind, url, rest } = parseAttachment(attachment);
  const named = (/** @type {HTMLElement} */ view) => nameAttachment(view, attachment, strings);
  if (kind === "geo") return named(h("span", { part: "attachment", class: "file" }, icon("place"), h("span")));
  if (!url) return h("span", { part: "attachment", class: "file" }, icon("file"), h("bdi", {}, rest));
  const name = fileName(url);
  if (kind === "image") return named(picture(url.href, name, show));
  if (kind === "audio" || kind === "video") {
    return named(h(kind, { part: "attachment", src: url.href, controls: true, preload: "metadata" }));
  }
  return link(url.href, { part: "attachment", class: "file" }, icon("file"), h("bdi", {}, name));
}

/**
 * Say what it is where its picture or player does not, in the visitor's language.
 *
 * @param {HTMLElement} view
 * @param {string} attachment
 * @param {import("./strings.js").Strings} strings
 */
export function nameAttachment(view, attachment, strings) {
  const { kind, url, rest } = parseAttachment(attachment);
  const place = view.querySelector("span");
  if (kind === "geo" && place) place.textContent = `${strings.say("location")} ${rest}`;
  else if (url && view.matches(".picture")) view.setAttribute("aria-label", `${strings.say("viewImage")}: ${fileName(url)}`);
  else if (view instanceof HTMLMediaElement) view.setAttribute("aria-label", attachmentWords(attachment, strings));
  return view;
}

/** In words, for those who listen. @param {string} attachment @param {import("./strings.js").Strings} strings */
export function attachmentWords(attachment, strings) {
  const { kind, url } = parseAttachment(attachment);
  if (kind === "geo") return strings.say("location");
  const known = ["image", "audio", "video"].includes(kind) ? kind : "file";
  return url ? `${strings.say(known)}: ${fileName(url)}` : strings.say(known);
}

/**
 * @param {string} address
 * @param {string} name
 * @param {(address: string, name: string) => void} show
 */
function picture(address, name, show) {
  const image = h("img", { src: address, alt: name, decoding: "async", referrerpolicy: "no-referrer" });
  const button = h("button", { part: "attachment", class: "picture", type: "button" }, image);
  button.addEventListener("click", () => show(address, name));
  // A small one is shown as small as it is.
  image.addEventListener("load", () => image.classList.toggle("small", image.naturalWidth < SMALL));
  // A picture that cannot be shown is still a file that can be fetched.
  image.addEventListener("error", () => button.replaceWith(link(address, { part: "attachment", class: "file" }, icon("file"), h("bdi", {}, name))));
  return button;
}

/** @param {string} attachment */
function parseAttachment(attachment) {
  const colon = attachment.indexOf(":");
  const type = attachment.slice(0, colon).toLowerCase();
  const rest = attachment.slice(colon + 1);
  return { kind: type.split("/")[0] ?? "", url: webAddress(rest), rest };
}

/** @param {URL} url */
function fileName(url) {
  const last = url.pathname.split("/").filter(Boolean).at(-1) ?? url.hostname;
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}

/**
 * Show a picture in full, or its original where the file for that cannot be had.
 *
 * @param {string} server
 * @param {HTMLElement} root
 * @param {import("./strings.js").Strings} strings
 * @param {string} address
 * @param {string} name
 */
export async function enlarge(server, root, strings, address, name) {
  const file = await later(server, "lightbox");
  if (!file) open(address, "_blank", "noopener,noreferrer");
  else if (root.isConnected) file.enlarge({ h, icon, keepIn, link, root, strings }, address, name);
}
