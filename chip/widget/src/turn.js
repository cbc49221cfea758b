/**
 * Whose turn it is to start a chat: of all pages of a site, one at a time, or two pages would make
 * two contacts. Pages without locks (plain http, old browsers) just go on; see `Chat`.
 */
export class Turn {
  #name;
  #locks;
  #end = () => {};

  /** @param {string} name @param {LockManager | undefined} locks */
  constructor(name, locks) {
    this.#name = name;
    this.#locks = locks;
  }

  /** Run this when it is our turn, which lasts until `end`. @param {() => void} begin */
  take(begin) {
    if (!this.#locks) return begin();
    const abort = new AbortController();
    this.#end = () => abort.abort();
    const turn = () => {
      const over = new Promise((resolve) => (this.#end = () => resolve(null)));
      begin();
      return over;
    };
    this.#locks.request(this.#name, { signal: abort.signal }, turn).catch(() => {});
    return undefined;
  }

  /** Let the next page have its turn, or wait for ours no longer. */
  end() {
    this.#end();
  }
}
