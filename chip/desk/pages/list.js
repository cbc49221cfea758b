/** The list of conversations. */
import { h } from "./widget/dom.js";
import { ODD, initials, nameOf, shortTime, summary } from "./words.js";

/** @typedef {import("./server.js").Conversation} Conversation */

export class List {
  /** @type {Map<number, HTMLLIElement>} */ #entries = new Map();

  /** @param {HTMLElement} element @param {(id: number) => void} choose */
  constructor(element, choose) {
    this.element = element;
    this.choose = choose;
  }

  /** Show that they are being fetched. */
  wait() {
    this.element.replaceChildren(...[0, 1, 2].map(() => h("li", { class: "ghost", "aria-hidden": "true" })));
  }

  /** @param {Conversation[]} conversations @param {number} chosen */
  show(conversations, chosen) {
    const focused = document.activeElement;
    const entries = conversations.map((conversation) => this.#entry(conversation, conversation.id === chosen));
    this.#entries = new Map(conversations.map(({ id }, place) => [id, /** @type {HTMLLIElement} */ (entries[place])]));
    // Moving an element drops its focus, so only those move that are in the wrong place.
    for (const child of [...this.element.children]) if (!entries.includes(/** @type {any} */ (child))) child.remove();
    entries.forEach((entry, place) => {
      if (this.element.children[place] !== entry) this.element.insertBefore(entry, this.element.children[place] ?? null);
    });
    if (focused instanceof HTMLElement && this.element.contains(focused)) focused.focus({ preventScroll: true });
  }

  /** @param {Conversation} conversation @param {boolean} chosen @returns {HTMLLIElement} */
  #entry(conversation, chosen) {
    const item = this.#entries.get(conversation.id) ?? h("li", {}, h("button", { type: "button", class: "entry", onclick: () => this.choose(conversation.id) }));
    const button = /** @type {HTMLButtonElement} */ (item.firstElementChild);
    button.classList.toggle("new", conversation.unread > 0);
    button.setAttribute("aria-current", String(chosen));
    try {
      button.replaceChildren(...parts(conversation));
    } catch {
      button.replaceChildren(h("span", { class: "title" }, `Visitor ${conversation.id}`), h("span", { class: "said" }, ODD.conversation));
    }
    return item;
  }

  /** Go on from the conversation that has the focus, else from the chosen one. @param {number} step */
  walk(step) {
    const buttons = [...this.element.querySelectorAll("button")];
    const focused = buttons.indexOf(/** @type {any} */ (document.activeElement));
    const place = focused >= 0 ? focused : buttons.findIndex((button) => button.ariaCurrent === "true");
    buttons[Math.min(Math.max(place + step, 0), buttons.length - 1)]?.focus();
  }
}

/** @param {Conversation} conversation */
function parts(conversation) {
  const { id, online, active, last, unread } = conversation;
  const presence = online ? "online" : "away";
  return [
    h("span", { class: `face h${id % 8} ${presence}`, "aria-hidden": "true" }, initials(conversation)),
    h("span", { class: "title" }, h("bdi", {}, nameOf(conversation)), h("span", { class: "unseen" }, `, ${presence}`)),
    h("time", { datetime: active }, shortTime(active)),
    h("span", { class: "said", dir: "auto" }, summary(last)),
    ...(unread > 0 ? [h("span", { class: "count" }, String(unread), h("span", { class: "unseen" }, " unread"))] : []),
  ];
}
