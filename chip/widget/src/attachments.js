/**
 * Pictures, sounds, films and files that came with a message: `content/type:address` each.
 */
import { h, icon, link, webAddress } from "./dom.js";

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
  if (kind === "geo") return h("span", { part: "attachment", class: "file" }, icon("place"), `${strings.say("location")} ${rest}`);
  if (!url) return h("span", { part: "attachment", class: "file" }, icon("file"), h("bdi", {}, rest));
  const name = fileName(url);
  if (kind === "image") return picture(url.href, name, strings, show);
  if (kind === "audio" || kind === "video") {
    return h(kind, { part: "attachment", src: url.href, controls: true, preload: "metadata", "aria-label": `${strings.say(kind)}: ${name}` });
  }
  return link(url.href, { part: "attachment", class: "file" }, icon("file"), h("bdi", {}, name));
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
 * @param {import("./strings.js").Strings} strings
 * @param {(address: string, name: string) => void} show
 */
function picture(address, name, strings, show) {
  const image = h("img", { src: address, alt: name, decoding: "async", referrerpolicy: "no-referrer" });
  const button = h("button", { part: "attachment", class: "picture", type: "button", "aria-label": `${strings.say("viewImage")}: ${name}` }, image);
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
