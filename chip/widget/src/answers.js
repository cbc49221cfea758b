/**
 * Commands that the server answers. One that stays silent for too long has lost the command, and
 * the line is replaced: whoever asked asks again on the next one.
 */

/** Seconds for any answer; Chip itself may wait 35 s for Courier. */
const ANSWER_WITHIN = 45;

export class Answers {
  #connection;
  #timers;

  /**
   * @param {import("./connection.js").Connection} connection
   * @param {import("./timers.js").Timers} timers
   */
  constructor(connection, timers) {
    this.#connection = connection;
    this.#timers = timers;
  }

  /** @param {{ type: string, [field: string]: unknown }} command */
  ask(command) {
    this.#connection.send(command);
    this.#timers.set(command.type, ANSWER_WITHIN, () => this.#connection.replace());
  }

  /** There is an answer to a command of that type. @param {string} type */
  came(type) {
    this.#timers.drop(type);
  }
}
