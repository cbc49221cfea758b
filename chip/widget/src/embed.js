/**
 * The entry: defines `<chip-chat>`, makes one for the script tag, and serves `window.Chip`.
 */
import { ChipChat } from "./element.js";
import { canChat } from "./support.js";

const NAME = "chip-chat";
const PATH = "/wc/widget.js";

/** @typedef {[method: string, ...values: any[]]} Call */

const script = /** @type {HTMLScriptElement | null} */ (document.currentScript ?? document.querySelector(`script[src*="${PATH}"]`));
const source = new URL(script?.src || location.href);

// The same script may be in a page twice; the first one defines.
if (canChat() && !customElements.get(NAME)) {
  ChipChat.server = source.pathname.endsWith(PATH) ? source.origin + source.pathname.slice(0, -PATH.length) : source.origin;
  customElements.define(NAME, ChipChat);
}

/** @type {any} */
const before = /** @type {any} */ (window).Chip;

/** The chat that the calls mean: the script tag's own, or the first in the page. */
const current = () => /** @type {ChipChat | null} */ (document.querySelector(`${NAME}:defined`));

/** Calls that came before there was a chat. @type {Call[]} */
const early = Array.isArray(before) ? before : [];

/** @param {Call} call */
function perform([method, ...values]) {
  const chat = /** @type {any} */ (current());
  if (!chat) return void early.push([method, ...values]);
  // Whoever asks for "ready" after it happened still wants to know.
  if (method === "on" && values[0] === "ready") queueMicrotask(() => values[1]({}));
  else return chat[method]?.(...values);
}

/** @param {string} method */
const call = (method) => (/** @type {any[]} */ ...values) => perform([method, ...values]);

if (!before || Array.isArray(before)) {
  /** @type {any} */ (window).Chip = {
    open: call("open"),
    close: call("close"),
    toggle: call("toggle"),
    send: call("send"),
    setEmail: call("setEmail"),
    destroy: call("destroy"),
    on: call("on"),
    push: (/** @type {Call[]} */ ...calls) => calls.forEach(perform),
  };
}

const begin = () => {
  const { channel, ...wishes } = script?.dataset ?? {};
  if (channel && customElements.get(NAME) && !document.querySelector(`${NAME}[channel="${CSS.escape(channel)}"]`)) {
    const chat = document.createElement(NAME);
    chat.setAttribute("channel", channel);
    for (const [name, value] of Object.entries(wishes)) chat.setAttribute(name, value ?? "");
    document.body.append(chat);
  }
  if (current()) early.splice(0).forEach(perform);
};

if (document.body) begin();
else addEventListener("DOMContentLoaded", begin);
