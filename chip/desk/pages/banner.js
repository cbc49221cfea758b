/** What stands above everything: how the connection is, and for a while what did not work. */
import { byId } from "./dom.js";

/** Milliseconds. */
const READ_WITHIN = 8_000;

/** @type {Record<string, string>} */
const WORDS = {
  lost: "The connection to Chip is lost. Trying again; nothing is lost meanwhile.",
  blocked: "Something on the way keeps WebSockets from Chip, so news comes late: the desk looks every few seconds.",
};

/** @type {import("./server.js").Connection} */
let connection = "connecting";
let trouble = "";
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/** @param {import("./server.js").Connection} state */
export function showConnection(state) {
  connection = state;
  show();
}

/** @param {string} words */
export function showTrouble(words) {
  trouble = words;
  clearTimeout(timer);
  timer = setTimeout(() => {
    trouble = "";
    show();
  }, READ_WITHIN);
  show();
  return words;
}

function show() {
  // Whoever has left is told so at the door.
  const words = connection === "ended" ? "" : WORDS[connection] ?? trouble;
  byId("banner").textContent = words;
  byId("banner").hidden = words === "";
}
