/**
 * A short, soft tone, made by the browser itself: there is no file, and nothing that a content security
 * policy forbids.
 */

/** Seconds. */
const LENGTH = 0.6;

export class Tone {
  #wanted;
  /** @type {AudioContext | null} */
  #context = null;

  /**
   * @param {() => boolean} wanted
   * @param {AbortSignal} signal  ends it
   */
  constructor(wanted, signal) {
    this.#wanted = wanted;
    // Safari plays only what was begun in a gesture.
    for (const name of ["pointerup", "keydown"]) addEventListener(name, () => this.#begin(), { signal, capture: true, passive: true });
    signal.addEventListener("abort", () => void this.#context?.close());
  }

  /** Whether it may be heard: the visitor has pressed something of this page. */
  get allowed() {
    return this.#wanted() && (this.#context !== null || hasActed() === true);
  }

  async play() {
    this.#begin();
    const context = this.#context;
    await quietly(context?.resume());
    if (context?.state === "running") sound(context);
  }

  /** Have what plays, at rest, so that no device is kept awake. */
  #begin() {
    if (this.#context || !this.#wanted() || hasActed() === false) return;
    try {
      this.#context = new AudioContext();
      void quietly(this.#context.suspend());
    } catch {
      // There is nothing to play on.
    }
  }
}

/** Undefined where the browser does not tell. */
function hasActed() {
  return /** @type {UserActivation | undefined} */ (navigator.userActivation)?.hasBeenActive;
}

/** @param {AudioContext} context */
function sound(context) {
  const now = context.currentTime;
  const pitch = new OscillatorNode(context, { frequency: 660 });
  const loudness = new GainNode(context, { gain: 0 });
  pitch.frequency.setValueAtTime(880, now + 0.12);
  loudness.gain.setTargetAtTime(0.1, now, 0.01);
  loudness.gain.setTargetAtTime(0, now + 0.16, 0.1);
  pitch.connect(loudness).connect(context.destination);
  pitch.onended = () => void quietly(context.suspend());
  pitch.start(now);
  pitch.stop(now + LENGTH);
}

/** What a browser refuses here is no error of the page. @param {Promise<void> | undefined} done */
async function quietly(done) {
  try {
    await done;
  } catch {
    // It is silent.
  }
}
