/** The search: the list shows what was found last, and whatever is typed is asked for until there is an answer. */
import { byId } from "./dom.js";
import { AGAIN, get, mayPass } from "./server.js";

/** Milliseconds without a key until what is typed is searched for. */
const TYPED = 200;

export class Search {
  #book;
  #field = byId("search");
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #typing;
  /** An answer to anything before what was asked for last is out of date. */
  #asked = 0;
  /** What was searched for to find what the list shows; empty where it shows all. */
  shown = "";

  /** @param {import("./book.js").Book} book @param {() => void} changed @param {(error: unknown) => void} failed */
  constructor(book, changed, failed) {
    this.#book = book;
    this.changed = changed;
    this.failed = failed;
    this.#field.addEventListener("input", () => {
      clearTimeout(this.#typing);
      this.#typing = setTimeout(() => this.#go(), TYPED);
    });
  }

  async #go() {
    const asking = this.find();
    const mine = this.#asked;
    try {
      await asking;
      this.changed();
    } catch (error) {
      if (mine !== this.#asked) return;
      this.failed(error);
      if (mayPass(error)) setTimeout(() => mine === this.#asked && this.#go(), AGAIN);
    }
  }

  /** Search for what stands in the field. */
  async find() {
    const mine = ++this.#asked;
    const moment = this.#book.ask();
    const wanted = this.#field.value.trim();
    const found = wanted && (await get("conversations", { search: wanted, before: 0 }));
    if (mine !== this.#asked) return;
    this.shown = wanted;
    if (found) this.#book.find(found.conversations, found.more, moment);
    else this.#book.findAll();
  }

  /** The next page of what the list shows. */
  async more() {
    const mine = this.#asked;
    const moment = this.#book.ask();
    const found = await get("conversations", { search: this.shown, before: this.#book.list.at(-1)?.id ?? 0 });
    if (mine === this.#asked) this.#book.continue(found.conversations, found.more, moment);
  }

  /** Nothing was searched for, and what comes comes too late. */
  forget() {
    this.#asked += 1;
    this.shown = "";
  }
}
