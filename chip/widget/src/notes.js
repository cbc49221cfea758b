/**
 * What is remembered between pages, and shared by all pages of a site, for one channel.
 *
 * Owns the browser's storage and what to do without it: a page whose storage is blocked or full
 * remembers by itself, for as long as it lives. Knows names and texts, not what they mean.
 */
import { Emitter } from "./emitter.js";

/** @typedef {{ value: string, stored: string | null }} Own  what was written here, and what the storage made of it */

/**
 * `change` names what another page wrote; `lost` what it removed or made empty, though it may be
 * there again: a page that slept hears late.
 *
 * @extends {Emitter<{ change: string, lost: string }>}
 */
export class Notes extends Emitter {
  #prefix;
  #storage;
  #own;

  /**
   * @param {string} channel
   * @param {() => Storage | undefined} storage  reading `window.localStorage` may itself throw
   * @param {Map<string, Own>} [own]
   */
  constructor(channel, storage, own = new Map()) {
    super();
    this.#prefix = `chip:${channel}:`;
    // Where there is none, each attempt to use it fails.
    this.#storage = /** @type {Storage} */ (attempt(storage));
    this.#own = own;
  }

  /** @param {string} name @returns {string | null} */
  get(name) {
    const key = this.#prefix + name;
    const stored = this.#stored(key);
    const own = this.#own.get(key);
    // What another page has written or removed since counts more than what could not be stored here.
    return own?.stored === stored ? own.value : stored;
  }

  /** @param {string} name @param {string} value */
  set(name, value) {
    const key = this.#prefix + name;
    attempt(() => this.#storage.setItem(key, value));
    this.#own.set(key, { value, stored: this.#stored(key) });
  }

  /** @param {string} name */
  remove(name) {
    this.#own.delete(this.#prefix + name);
    attempt(() => this.#storage.removeItem(this.#prefix + name));
  }

  /** All names that start so. @param {string} start */
  names(start) {
    return [...new Set([...(attempt(() => Object.keys(this.#storage)) ?? []), ...this.#own.keys()])]
      .filter((key) => key.startsWith(this.#prefix + start))
      .map((key) => key.slice(this.#prefix.length));
  }

  /** Tell that another page changed something. @param {StorageEvent} event */
  heard({ storageArea, key, newValue, oldValue }) {
    if (storageArea !== this.#storage || !key?.startsWith(this.#prefix)) return;
    const name = key.slice(this.#prefix.length);
    // What was empty is not lost once more.
    if (!newValue && oldValue !== "") this.emit("lost", name);
    this.emit("change", name);
  }

  /** @param {string} key */
  #stored(key) {
    return attempt(() => this.#storage.getItem(key)) ?? null;
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
