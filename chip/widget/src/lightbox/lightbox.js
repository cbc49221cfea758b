/**
 * One picture, as large as the window allows, above everything.
 *
 * A file of its own: the widget loads it when somebody wants to see a picture.
 */
import { dress } from "../dress.js";

const css = String.raw`
.lightbox { position: fixed; inset: 0; margin: 0; padding: 0; border: 0; inline-size: 100%; block-size: 100%; max-inline-size: none; max-block-size: none; background: #0b0c0ee8; color: #fff; }
.lightbox[open] { display: grid; place-items: center; animation: fade .16s; }
.lightbox > img { max-inline-size: calc(100vw - 32px); max-block-size: calc(100dvh - 128px); object-fit: contain; border-radius: 6px; }
.lightbox-bar { position: absolute; inset-block-start: 0; inset-inline: 0; display: flex; justify-content: flex-end; align-items: center; gap: 16px; padding: max(12px, env(safe-area-inset-top)) 16px; }
.lightbox-bar a { padding: 12px 4px; }
.lightbox .round { inline-size: 44px; block-size: 44px; color: #fff; }
.lightbox .round:hover { background: #ffffff2e; }
.lightbox :focus-visible { outline-color: #fff; }
`;

/**
 * @param {object} parts  of the widget
 * @param {typeof import("../boundary.js").keepIn} parts.keepIn
 * @param {typeof import("../dom.js").h} parts.h
 * @param {typeof import("../dom.js").icon} parts.icon
 * @param {typeof import("../dom.js").link} parts.link
 * @param {HTMLElement} parts.root  where it goes
 * @param {import("../strings.js").Strings} parts.strings
 * @param {string} address
 * @param {string} name
 */
export function enlarge({ h, icon, keepIn, link, root, strings }, address, name) {
  // Somebody pressed twice while this file was under way.
  if (root.querySelector(".lightbox")) return;
  dress(/** @type {ShadowRoot} */ (root.getRootNode()), css);
  const close = h("button", { type: "button", class: "round", "aria-label": strings.say("closeImage"), onclick: () => dialog.close() }, icon("close"));
  const dialog = h(
    "dialog",
    { part: "lightbox", "aria-label": name },
    h("img", { src: address, alt: name, referrerpolicy: "no-referrer" }),
    h("div", { class: "lightbox-bar" }, link(address, {}, strings.say("openOriginal")), close),
    // It silences all others.
    h("div", { class: "unseen", role: "status", "aria-live": "polite" }),
  );
  keepIn(dialog);
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  root.append(dialog);
  dialog.showModal();
  close.focus();
}
