/**
 * Timers by name: setting one again replaces it, and all can be dropped at once.
 */
export class Timers {
  #world;
  /** @type {Map<string, any>} */
  #running = new Map();

  /** @param {import("./connection.js").World} world */
  constructor(world) {
    this.#world = world;
  }

  /** @param {string} name @param {number} seconds @param {() => void} run */
  set(name, seconds, run) {
    this.drop(name);
    const timer = this.#world.later(() => {
      this.#running.delete(name);
      run();
    }, seconds * 1000);
    this.#running.set(name, timer);
  }

  /** @param {string} name */
  drop(name) {
    this.#world.cancel(this.#running.get(name));
    this.#running.delete(name);
  }

  dropAll() {
    for (const name of [...this.#running.keys()]) this.drop(name);
  }
}
