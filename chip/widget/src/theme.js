/**
 * Light or dark: as the site says by attribute, else as the page says of itself, else as the device.
 */

/** @param {HTMLElement} host */
export function isDark(host) {
  const own = getComputedStyle(host).colorScheme;
  const page = own && own !== "normal" ? own : document.querySelector("meta[name=color-scheme]")?.getAttribute("content") ?? "";
  const theme = host.getAttribute("theme") ?? "";
  const wish = ["light", "dark"].includes(theme) ? theme : page;
  const [light, dark] = [/\blight\b/i.test(wish), /\bdark\b/i.test(wish)];
  return light === dark ? matchMedia("(prefers-color-scheme: dark)").matches : dark;
}

/**
 * Tell whenever that, or a colour, may have changed: pages switch by a class or an attribute of their
 * own, by their `meta`, or by another style sheet, which comes a moment later.
 *
 * @param {() => void} changed
 * @param {AbortSignal} signal  ends it
 */
export function watchTheme(changed, signal) {
  const observer = new MutationObserver(() => {
    watch();
    changed();
  });
  // The head and the body may be others tomorrow.
  const watch = () => {
    observer.observe(document.documentElement, { attributes: true, childList: true });
    if (document.head) observer.observe(document.head, { attributes: true, childList: true, subtree: true });
    if (document.body) observer.observe(document.body, { attributes: true });
  };
  watch();
  signal.addEventListener("abort", () => observer.disconnect());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed, { signal });
  document.addEventListener("load", ({ target }) => target instanceof HTMLImageElement || changed(), { signal, capture: true });
}
