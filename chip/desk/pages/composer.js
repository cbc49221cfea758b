/** Where a reply is written: text, quick replies, attachments by link. Each conversation keeps its draft. */
import { cleanText } from "./widget/wire.js";
import { h } from "./widget/dom.js";
import { fitToText, isComposing } from "./widget/typing.js";
import { byId, icon } from "./dom.js";

/** @typedef {{ text: string, quick_replies: string[], attachments: string[] }} Draft */

/** @type {Draft} */
const EMPTY = { text: "", quick_replies: [], attachments: [] };
/** Quick replies, and attachments, of one message. */
const MOST_EXTRAS = 10;

export class Composer {
  #outbox;
  #conversation = 0;
  #form = byId("composer");
  #text = byId("text");
  #extras = byId("extras");

  /** @param {import("./outbox.js").Outbox} outbox @param {(draft: Draft) => boolean} send  whether it was taken */
  constructor(outbox, send) {
    this.#outbox = outbox;
    this.send = send;
    byId("add-reply").append(icon("replies"));
    byId("add-link").append(icon("link"));
    byId("send").append(icon("send"));
    byId("add-reply").addEventListener("click", () => this.#add("reply").focus());
    byId("add-link").addEventListener("click", () => this.#add("url").focus());
    this.#text.addEventListener("input", () => fitToText(this.#text));
    // While it is not shown it has no height, and in another width another one.
    new ResizeObserver(() => fitToText(this.#text)).observe(this.#form);
    this.#form.addEventListener("input", () => this.keep());
    this.#text.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== "Enter" || event.shiftKey || isComposing(event)) return;
      event.preventDefault();
      // A key that is held was pressed for something else: to open the conversation.
      if (!event.repeat) this.#form.requestSubmit();
    });
    this.#form.addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  /** @param {number} conversation */
  open(conversation) {
    if (conversation === this.#conversation) return;
    this.#conversation = conversation;
    this.#show(this.#outbox.draft(conversation) ?? EMPTY);
  }

  /** Keep what is written as a draft. */
  keep() {
    if (this.#conversation) this.#outbox.keepDraft(this.#conversation, this.#draft());
  }

  focus() {
    this.#text.focus();
  }

  /** Take the focus, if one can write here and has room to read meanwhile. @param {import("./server.js").Conversation | undefined} conversation */
  enter(conversation) {
    if (!conversation || conversation.read_only || !matchMedia("(min-width: 761px)").matches) return false;
    this.focus();
    return true;
  }

  /** Give a reply back, above what is written already. @param {Draft} draft */
  restore(draft) {
    const now = this.#draft();
    this.#show({
      text: [draft.text, now.text].filter(Boolean).join("\n"),
      quick_replies: [...draft.quick_replies, ...now.quick_replies],
      attachments: [...draft.attachments, ...now.attachments],
    });
    this.keep();
    this.focus();
  }

  /** @param {Draft} draft */
  #show({ text, quick_replies, attachments }) {
    this.#text.value = text;
    this.#extras.replaceChildren();
    this.#extras.hidden = true;
    for (const url of attachments) this.#add("url").value = url;
    for (const reply of quick_replies) this.#add("reply").value = reply;
    fitToText(this.#text);
  }

  #submit() {
    const wrong = [...this.#extras.querySelectorAll(".url")].filter((extra) => !isAddress(extra.querySelector("input").value));
    for (const extra of this.#extras.children) extra.classList.toggle("wrong", wrong.includes(extra));
    if (wrong.length > 0) return wrong[0].querySelector("input").focus();
    const draft = { ...this.#draft(), text: cleanText(this.#text.value) };
    if (draft.text === "" && draft.attachments.length === 0) return this.focus();
    if (this.send(draft)) {
      this.#show(EMPTY);
      this.keep();
    }
    return this.focus();
  }

  /** @returns {Draft} */
  #draft() {
    const values = (/** @type {string} */ kind) =>
      [...this.#extras.querySelectorAll(`.${kind} input`)].map((input) => cleanText(input.value)).filter(Boolean);
    return { text: this.#text.value, quick_replies: values("reply"), attachments: values("url") };
  }

  /** @param {"reply" | "url"} kind */
  #add(kind) {
    const others = this.#extras.querySelectorAll(`.${kind} input`);
    // No message takes more.
    if (others.length >= MOST_EXTRAS) return others[others.length - 1];
    const words = kind === "url"
      ? { type: "url", inputmode: "url", placeholder: "https://…", "aria-label": "Link of an attachment", maxlength: 2000 }
      : { type: "text", placeholder: "Quick reply", "aria-label": "Quick reply", maxlength: 100 };
    const input = h("input", { ...words, autocomplete: "off" });
    const drop = h("button", { type: "button", class: "round", "aria-label": "Remove" }, icon("close"));
    const extra = h("div", { class: `extra ${kind}` }, icon(kind === "url" ? "link" : "replies"), input, drop);
    drop.addEventListener("click", () => {
      extra.remove();
      this.keep();
      this.#extras.hidden = this.#extras.childElementCount === 0;
      this.focus();
    });
    input.addEventListener("keydown", (event) => {
      if (isComposing(event)) return;
      if (event.key === "Escape") {
        drop.click();
        event.stopPropagation();
      }
      if (event.key !== "Enter") return;
      event.preventDefault();
      if (kind === "reply" && input.value.trim()) this.#add("reply").focus();
      else this.focus();
    });
    this.#extras.append(extra);
    this.#extras.hidden = false;
    return input;
  }
}

/** @param {string} text */
function isAddress(text) {
  return /^https?:\/\/[^\s]+$/i.test(text.trim()) && URL.canParse(text.trim());
}
