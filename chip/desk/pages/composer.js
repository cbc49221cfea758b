/** Where a reply is written: text, quick replies, attachments by link. Each conversation keeps its draft. */
import { h } from "./widget/dom.js";
import { fitToText, isComposing } from "./widget/typing.js";
import { byId, icon } from "./dom.js";

/** @typedef {{ text: string, quick_replies: string[], attachments: string[] }} Draft */

export class Composer {
  /** @type {Map<number, Draft>} */ #drafts = new Map();
  #conversation = 0;
  #form = byId("composer");
  #text = byId("text");
  #extras = byId("extras");

  /** @param {(draft: Draft) => void} send */
  constructor(send) {
    this.send = send;
    byId("add-reply").append(icon("replies"));
    byId("add-link").append(icon("link"));
    byId("send").append(icon("send"));
    byId("add-reply").addEventListener("click", () => this.#add("reply").focus());
    byId("add-link").addEventListener("click", () => this.#add("url").focus());
    this.#text.addEventListener("input", () => fitToText(this.#text));
    this.#text.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== "Enter" || event.shiftKey || isComposing(event)) return;
      event.preventDefault();
      this.#form.requestSubmit();
    });
    this.#form.addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  /** @param {number} conversation */
  open(conversation) {
    if (conversation === this.#conversation) return;
    if (this.#conversation) this.#drafts.set(this.#conversation, this.#draft());
    this.#conversation = conversation;
    this.#show(this.#drafts.get(conversation) ?? { text: "", quick_replies: [], attachments: [] });
  }

  focus() {
    this.#text.focus();
  }

  /** Give a reply back that could not be handed over. @param {Draft} draft */
  restore(draft) {
    if (this.#draft().text === "") this.#show(draft);
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
    const draft = this.#draft();
    if (draft.text === "" && draft.attachments.length === 0) return this.focus();
    this.send(draft);
    this.#show({ text: "", quick_replies: [], attachments: [] });
    return this.focus();
  }

  /** @returns {Draft} */
  #draft() {
    const values = (/** @type {string} */ kind) =>
      [...this.#extras.querySelectorAll(`.${kind} input`)].map((input) => input.value.trim()).filter(Boolean);
    return { text: this.#text.value.trim(), quick_replies: values("reply"), attachments: values("url") };
  }

  /** @param {"reply" | "url"} kind */
  #add(kind) {
    const words = kind === "url"
      ? { type: "url", inputmode: "url", placeholder: "https://…", "aria-label": "Link of an attachment", maxlength: 2000 }
      : { type: "text", placeholder: "Quick reply", "aria-label": "Quick reply", maxlength: 100 };
    const input = h("input", { ...words, autocomplete: "off" });
    const drop = h("button", { type: "button", class: "round", "aria-label": "Remove" }, icon("close"));
    const extra = h("div", { class: `extra ${kind}` }, icon(kind === "url" ? "link" : "replies"), input, drop);
    drop.addEventListener("click", () => {
      extra.remove();
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
