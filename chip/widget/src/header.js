/**
 * The top of the panel: whom one talks to, when somebody answers, and the way out.
 */
import { h, icon, webAddress } from "./dom.js";
import { face } from "./face.js";

export class Header {
  #face = h("span", { part: "face" });
  #name = h("h2", { part: "heading", dir: "auto" });
  #below = h("p", { part: "subheading", dir: "auto" });
  #words = h("div", {}, this.#name, this.#below);
  #close;
  #shown = "";
  element;

  /** @param {import("./strings.js").Strings} strings @param {() => void} close */
  constructor(strings, close) {
    this.#close = h("button", { part: "close", class: "round", type: "button", onclick: close }, icon("close"));
    this.element = h("header", { part: "header" }, this.#face, this.#words, this.#close);
    this.speak(strings);
  }

  /** @param {import("./strings.js").Strings} strings */
  speak(strings) {
    this.#close.setAttribute("aria-label", strings.say("close"));
  }

  /**
   * Whoever answers, and otherwise the site.
   *
   * @param {string} heading
   * @param {string} subheading  left out for the heading, where somebody answers
   * @param {string} picture  the site's: an address, which may be relative
   * @param {{ name?: string | null, avatar?: string | null } | null} agent
   */
  show(heading, subheading, picture, agent) {
    const name = agent?.name || heading;
    const below = agent ? heading : subheading;
    const own = picture && webAddress(picture, document.baseURI)?.href;
    const shows = agent ? agent.avatar : own;
    const shown = JSON.stringify([name, below, shows]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#name.textContent = name;
    this.#below.textContent = below;
    this.#below.hidden = !below;
    this.#face.hidden = !agent && !own;
    this.#face.replaceChildren(this.#face.hidden ? "" : face(name, shows));
  }

  /** Say one thing more. @param {Node} word */
  add(word) {
    this.#words.append(word);
  }
}
