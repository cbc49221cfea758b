/** Getting somebody's attention: a sound, a number in the title, a word to those who listen. */
import { byId, icon } from "./dom.js";

const KEY = "chip-desk-sound";

export class Notice {
  #button = byId("sound");
  #announcer = byId("announcer");
  #title = document.title;
  #on = true;
  /** @type {AudioContext | null} */ #audio = null;

  constructor() {
    this.#on = remembered(KEY) !== "off";
    this.#button.addEventListener("click", () => {
      this.#on = !this.#on;
      remember(KEY, this.#on ? "on" : "off");
      this.#show();
      if (this.#on) this.#play();
    });
    this.#show();
  }

  /** @param {number} unread */
  count(unread) {
    document.title = unread > 0 ? `(${unread}) ${this.#title}` : this.#title;
  }

  /** @param {string} words */
  say(words) {
    this.#announcer.textContent = words;
  }

  /** @param {string} words */
  arrived(words) {
    this.say(words);
    if (this.#on) this.#play();
  }

  #show() {
    this.#button.replaceChildren(icon(this.#on ? "bell" : "mute"));
    this.#button.setAttribute("aria-pressed", String(this.#on));
    this.#button.setAttribute("aria-label", "Sound");
    this.#button.title = this.#on ? "Sound is on" : "Sound is off";
  }

  #play() {
    try {
      this.#audio ??= new AudioContext();
      // A page that nobody has touched yet may not make a sound.
      if (this.#audio.state !== "running") return void this.#audio.resume().catch(() => {});
      for (const [at, pitch] of [[0, 660], [0.12, 880]]) this.#tone(this.#audio, /** @type {number} */ (at), /** @type {number} */ (pitch));
    } catch {
      // No sound here; the title and the list say it too.
    }
  }

  /** @param {AudioContext} audio @param {number} at @param {number} pitch */
  #tone(audio, at, pitch) {
    const start = audio.currentTime + at;
    const tone = new OscillatorNode(audio, { frequency: pitch });
    const volume = new GainNode(audio, { gain: 0 });
    volume.gain.setTargetAtTime(0.12, start, 0.01);
    volume.gain.setTargetAtTime(0, start + 0.08, 0.06);
    tone.connect(volume).connect(audio.destination);
    tone.start(start);
    tone.stop(start + 0.5);
  }
}

/** @param {string} key @returns {string | null} */
export function remembered(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** @param {string} key @param {string} value */
export function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Then it holds for this page.
  }
}
