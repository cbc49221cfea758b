/** The icons and the elements of the page. What others wrote is put into them by the widget's modules, as text. */
import { drawing } from "./widget/dom.js";

/** Paths in a box of 24 by 24, drawn as strokes. */
const ICONS = {
  back: "M15 5l-7 7 7 7",
  bell: "M6 16.500V11a6 6 0 0 1 12 0v5.500l1.500 2h-15L6 16.500ZM10 21h4",
  chat: "M20 11.500a7.500 7.500 0 0 1-11 6.700L4 20l1.600-4.200A7.500 7.500 0 1 1 20 11.500Z",
  clock: "M12 8v4l2.500 2M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16Z",
  close: "M7 7l10 10M17 7L7 17",
  delivered: "M2.500 12.500l4 4L15 8M12 15.500l1 1L21.500 8",
  link: "M10 14a4 4 0 0 0 5.700 0l3-3a4 4 0 0 0-5.700-5.700l-1 1M14 10a4 4 0 0 0-5.700 0l-3 3A4 4 0 0 0 11 18.700l1-1",
  mute: "M6 16.500V11a6 6 0 0 1 9-5.200M18 11v5.500l1.500 2H6M10 21h4M4 4l16 16",
  replies: "M4 6h10M4 11h7M4 16h5M17 12v8M13 16h8",
  send: "M12 19V5M5.500 11.500L12 5l6.500 6.500",
  sent: "M5 12.500l4.500 4.500L19 7.500",
  settings: "M5 7h8m4 0h2M5 17h2m4 0h8M15 9.500v-5M9 19.500v-5",
  warning: "M12 8v5m0 3.500v.010M12 3l9.500 17h-19L12 3Z",
};

/** @param {keyof typeof ICONS} name */
export function icon(name) {
  return drawing(ICONS[name]);
}

/** The element with this id, which the page has. @param {string} id @returns {any} */
export function byId(id) {
  return document.getElementById(id);
}
