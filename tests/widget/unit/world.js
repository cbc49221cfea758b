/**
 * A world for the widget's logic: time that the test turns, sockets whose other end the test holds.
 */

export class World {
  time = 1_000_000;
  timers = new Map();
  sockets = [];
  questions = [];
  isOnline = true;
  luck = 0;
  #ids = 0;

  now = () => this.time;
  random = () => this.luck;
  online = () => this.isOnline;
  forbidden = () => false;

  later = (run, milliseconds) => {
    const id = ++this.#ids;
    this.timers.set(id, { run, at: this.time + milliseconds });
    return id;
  };

  cancel = (id) => void this.timers.delete(id);

  socket = (url) => {
    const socket = new FakeSocket(url);
    this.sockets.push(socket);
    return socket;
  };

  fetch = (url, init) =>
    new Promise((resolve, reject) => {
      init.signal.addEventListener("abort", () => reject(new Error("aborted")));
      this.questions.push({
        url,
        answer: async (status, body = {}, headers = {}) => {
          resolve({ status, headers: new Headers(headers), json: async () => body });
          await settled();
        },
        fail: async () => {
          reject(new Error("no network"));
          await settled();
        },
      });
    });

  /** The socket in use. */
  get line() {
    return this.sockets.at(-1);
  }

  /** Let time pass, and everything happen that it brings. @param {number} seconds */
  async pass(seconds) {
    const end = this.time + seconds * 1000;
    for (;;) {
      const [next] = [...this.timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at);
      if (!next) break;
      const [id, { run, at }] = next;
      this.timers.delete(id);
      this.time = Math.max(this.time, at);
      run();
      await settled();
    }
    this.time = Math.max(this.time, end);
  }
}

class FakeSocket {
  readyState = 0;
  sent = [];
  closed = false;

  constructor(url) {
    this.url = url;
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.closed = true;
    this.readyState = 3;
  }

  // What the other side does.

  opens() {
    this.readyState = 1;
    this.onopen?.();
  }

  says(event) {
    this.onmessage?.({ data: typeof event === "string" ? event : JSON.stringify(event) });
  }

  ends(code = 1006) {
    this.readyState = 3;
    this.onclose?.({ code });
  }

  /** The commands of that type sent so far. */
  heard(type) {
    return this.sent.filter((command) => command.type === type);
  }
}

/** Everything that was promised has happened. */
export const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A browser's storage, which several pages may share. */
export class FakeStorage {
  constructor() {
    Object.defineProperty(this, "pages", { value: [], enumerable: false });
  }

  getItem(key) {
    return Object.hasOwn(this, key) ? this[key] : null;
  }

  setItem(key, value) {
    this[key] = String(value);
  }

  removeItem(key) {
    delete this[key];
  }
}
