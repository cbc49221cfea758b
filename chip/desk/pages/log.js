/** The messages of one conversation. It stays at the bottom if it was there. */
import { h, icon, outside, textNodes } from "./dom.js";
import { STATES, authorOf, dayOf, timeOf } from "./words.js";

/** @typedef {import("./server.js").Message} Message */

const NEAR = 60;
const MARKS = { queued: "clock", sent: "sent", delivered: "delivered", failed: "warning" };

export class Log {
  /** @type {Map<number, { seen: string, element: HTMLElement }>} */ #shown = new Map();
  #conversation = 0;

  /**
   * @param {HTMLElement} element
   * @param {{ retry: (id: number) => void, earlier: () => void, scrolled: () => void }} office
   */
  constructor(element, office) {
    this.element = element;
    this.office = office;
    element.addEventListener("scroll", () => office.scrolled(), { passive: true });
    new ResizeObserver(() => this.#wasAtEnd && this.toEnd()).observe(element);
  }

  #wasAtEnd = true;

  get atEnd() {
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    return scrollHeight - scrollTop - clientHeight < NEAR;
  }

  toEnd() {
    this.element.scrollTop = this.element.scrollHeight;
    this.#wasAtEnd = true;
  }

  /** @param {number} conversation @param {Message[]} messages @param {boolean} more  whether there are earlier ones */
  show(conversation, messages, more) {
    const another = conversation !== this.#conversation;
    if (another) this.#shown.clear();
    this.#conversation = conversation;
    const follow = another || this.atEnd;
    const fromEnd = this.element.scrollHeight - this.element.scrollTop;
    const first = messages[0];
    const grewUp = !another && this.#oldest !== undefined && first !== undefined && first.id < this.#oldest;
    this.#oldest = first?.id;
    this.#put([...(more ? [this.#earlier] : []), ...this.#lines(messages)]);
    if (follow) this.toEnd();
    else if (grewUp) this.element.scrollTop = this.element.scrollHeight - fromEnd;
    this.#wasAtEnd = follow;
  }

  /** @type {number | undefined} */ #oldest;
  #earlier = h("button", { type: "button", class: "earlier", onclick: () => this.office.earlier() }, "Earlier messages");

  /** @param {Message[]} messages */
  #lines(messages) {
    const lines = [];
    let day = "";
    let by = "";
    for (const message of messages) {
      const today = dayOf(message.time);
      if (today !== day) lines.push(this.#day(today));
      const author = message.incoming ? "visitor" : authorOf(message);
      lines.push(this.#message(message, author !== by || today !== day, message === messages.at(-1)));
      day = today;
      by = author;
    }
    return lines;
  }

  /** @type {Map<string, HTMLElement>} */ #days = new Map();

  /** @param {string} day */
  #day(day) {
    const line = this.#days.get(day) ?? h("p", { class: "day" }, day);
    this.#days.set(day, line);
    return line;
  }

  /** @param {Message} message @param {boolean} turn @param {boolean} last */
  #message(message, turn, last) {
    const seen = JSON.stringify([message, turn, last]);
    const known = this.#shown.get(message.id);
    if (known?.seen === seen) return known.element;
    const element = view(message, turn, last, this.office.retry);
    this.#shown.set(message.id, { seen, element });
    return element;
  }

  /** Change as little as there is to change, so that focus and selection stay. @param {HTMLElement[]} wanted */
  #put(wanted) {
    for (const child of [...this.element.children]) if (!wanted.includes(/** @type {any} */ (child))) child.remove();
    wanted.forEach((line, place) => {
      if (this.element.children[place] !== line) this.element.insertBefore(line, this.element.children[place] ?? null);
    });
  }
}

/** @param {Message} message @param {boolean} turn @param {boolean} last @param {(id: number) => void} retry */
function view(message, turn, last, retry) {
  const guide = !message.incoming && !message.author;
  const kind = ["message", !message.incoming && "ours", guide && "guide", turn && "turn"].filter(Boolean).join(" ");
  const by = message.incoming ? "Visitor" : authorOf(message);
  return h("article", { class: kind, "aria-label": `${by}, ${timeOf(message.time)}` },
    turn && !message.incoming && h("p", { class: "by", dir: "auto" }, by),
    message.text !== "" && h("div", { class: "bubble", dir: "auto" }, ...textNodes(message.text)),
    ...message.attachments.map(attachment),
    message.quick_replies.length > 0 && h("div", { class: "chips", role: "group", "aria-label": "Quick replies" },
      ...message.quick_replies.map((text) => h("span", { class: "chip", dir: "auto" }, text))),
    status(message, last, retry),
  );
}

/** @param {Message} message @param {boolean} last @param {(id: number) => void} retry */
function status(message, last, retry) {
  const time = h("time", { datetime: message.time }, timeOf(message.time));
  if (message.state === "heard") return last && h("p", { class: "state" }, time);
  const mark = icon(/** @type {any} */ (MARKS[message.state]));
  return h("p", { class: `state ${message.state}` }, time, mark, STATES[message.state],
    message.state === "failed" && h("button", { type: "button", class: "again", onclick: () => retry(message.id) }, "Try again"));
}

/** @param {string} text  `content/type:address` */
function attachment(text) {
  const colon = text.indexOf(":");
  const address = text.slice(colon + 1);
  if (!/^https?:/i.test(address)) return h("span", { class: "file" }, address);
  const name = decodeURIComponent(address.split(/[?#]/)[0]?.split("/").at(-1) || address);
  const file = () => outside(address, { class: "file" }, name);
  if (!text.startsWith("image/")) return file();
  const image = h("img", { src: address, alt: name, referrerpolicy: "no-referrer" });
  const picture = outside(address, { class: "picture" }, image);
  image.addEventListener("error", () => picture.replaceWith(file()));
  image.addEventListener("load", () => {
    const log = picture.closest(".log");
    if (log && log.scrollHeight - log.scrollTop - log.clientHeight < image.height + NEAR) log.scrollTop = log.scrollHeight;
  });
  return picture;
}
