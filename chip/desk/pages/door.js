/** The way back in, once this browser's session is over: the page stays, and so does what was typed. */
import { byId } from "./dom.js";
import { Refusal, signIn } from "./server.js";

export class Door {
  #door = byId("door");
  #token = byId("token");
  #note = byId("door-note");

  /** @param {() => void} entered */
  constructor(entered) {
    this.entered = entered;
    byId("door-form").addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#enter();
    });
  }

  /** Shut the desk behind the person. */
  shut() {
    document.querySelector("dialog")?.close(); // A picture in full.
    byId("desk").hidden = true;
    this.#door.hidden = false;
    this.#note.textContent = "You have left the desk, or your time here is over. What you were writing is kept.";
    this.#token.focus();
  }

  async #enter() {
    try {
      await signIn(this.#token.value);
    } catch (error) {
      this.#note.textContent = error instanceof Refusal ? error.message : "The server cannot be reached. Try again.";
      return;
    }
    this.#token.value = "";
    this.#door.hidden = true;
    byId("desk").hidden = false;
    this.entered();
  }
}
