/**
 * Commands that the server answers. One that stays silent for too long has lost the command, and
 * the line is replaced: whoever asked asks again on the next one.
 */

/** Seconds for any answer, times the line's patience; Chip itself may wait 35 s for Courier. */
const ANSWER_WITHIN = 45;
const LONGEST_ANSWER = 180;

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
    const within = Math.min(LONGEST_ANSWER, ANSWER_WITHIN * this.#connection.patience);
    this.#timers.set(command.type, within, () => this.#connection.giveUp());
  }

  /** There is an answer to a command of that type. @param {string} type */
  came(type) {
    this.#timers.drop(type);
  }
}
