/**
 * What is remembered between pages, and shared by all pages of a site, for one channel.
 *
 * Owns the browser's storage and what to do without it: a page whose storage is blocked or full
 * remembers by itself, for as long as it lives. Knows names and texts, not what they mean.
 */
import { Emitter } from "./emitter.js";

/** @extends {Emitter<{ change: string }>} `change` names what another page wrote */
export class Notes extends Emitter {
  #prefix;
  #storage;
  #spare;

  /**
   * @param {string} channel
   * @param {() => Storage | undefined} storage  reading `window.localStorage` may itself throw
   * @param {Map<string, string>} [spare]  what could not be stored
   */
  constructor(channel, storage, spare = new Map()) {
    super();
    this.#prefix = `chip:${channel}:`;
    this.#storage = attempt(storage);
    this.#spare = spare;
  }

  /** @param {string} name @returns {string | null} */
  get(name) {
    const key = this.#prefix + name;
    return this.#spare.get(key) ?? attempt(() => this.#storage?.getItem(key)) ?? null;
  }

  /** @param {string} name @param {string} value */
  set(name, value) {
    const key = this.#prefix + name;
    const stored = attempt(() => {
      this.#storage?.setItem(key, value);
      return this.#storage?.getItem(key) === value;
    });
    if (stored) this.#spare.delete(key);
    else this.#spare.set(key, value);
  }

  /** @param {string} name */
  remove(name) {
    this.#spare.delete(this.#prefix + name);
    attempt(() => this.#storage?.removeItem(this.#prefix + name));
  }

  /** All names that start so. @param {string} start */
  names(start) {
    const stored = attempt(() => Object.keys(this.#storage ?? {})) ?? [];
    return [...new Set([...stored, ...this.#spare.keys()])]
      .filter((key) => key.startsWith(this.#prefix + start))
      .map((key) => key.slice(this.#prefix.length));
  }

  /** Tell that another page changed something. @param {StorageEvent} event */
  heard({ storageArea, key }) {
    if (storageArea !== this.#storage || !key?.startsWith(this.#prefix)) return;
    // Its word is newer than what could not be stored here.
    this.#spare.delete(key);
    this.emit("change", key.slice(this.#prefix.length));
  }
}

/**
 * What the browser answers; undefined where it refuses.
 *
 * @template Result
 * @param {() => Result} action
 * @returns {Result | undefined}
 */
export function attempt(action) {
  try {
    return action();
  } catch {
    return undefined;
  }
}
