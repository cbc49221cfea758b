/**
 * What the tabs of a site do once among them. They agree by locks of the browser, for which none ever
 * waits. Where these are missing or refused, each tab is by itself.
 */

/**
 * Hold a lock, together with others, whenever this tab is looked at.
 *
 * @param {string} name
 * @param {AbortSignal} signal  ends it
 */
export function holdWhileLookedAt(name, signal) {
  // It ends with the next change, whatever was asked for meanwhile.
  const change = () => new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
  const hold = async () => {
    try {
      if (lookedAt()) await navigator.locks.request(name, { mode: "shared" }, () => lookedAt() && change());
    } catch {
      // Nobody learns of it.
    }
  };
  document.addEventListener("visibilitychange", hold, { signal });
  void hold();
}

export function lookedAt() {
  return document.visibilityState === "visible";
}

/** Whether any tab holds that lock. @param {string} name */
export async function isHeld(name) {
  try {
    const { held = [] } = await navigator.locks.query();
    return held.some((lock) => lock.name === name);
  } catch {
    return false;
  }
}

/**
 * Do it, unless another tab is doing it.
 *
 * @param {string} name  of the lock
 * @param {() => Promise<unknown>} act  until it is done
 */
export async function alone(name, act) {
  let answered = false;
  try {
    await navigator.locks.request(name, { ifAvailable: true }, (lock) => {
      answered = true;
      return lock && act();
    });
  } catch {
    if (!answered) await act();
  }
}
