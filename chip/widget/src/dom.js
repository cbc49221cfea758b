/**
 * Elements without markup: everything that others wrote becomes text nodes or checked attributes.
 */

const SVG = "http://www.w3.org/2000/svg";

/** Paths in a box of 24 by 24, drawn as strokes. */
const ICONS = {
  chat: "M20 11.5a7.5 7.5 0 0 1-7.5 7.5H12c-1.2 0-2.4-.3-3.4-.8L4 20l1.6-4.2A7.5 7.5 0 1 1 20 11.5Z",
  close: "M6 6l12 12M18 6L6 18",
  down: "M6 9.5l6 6 6-6",
  send: "M12 19V5M5.5 11.5L12 5l6.5 6.5",
  file: "M14 3H7a2 2 0 0 0-2 2v14a2 2 0 0 0 2 2h10a2 2 0 0 0 2-2V8l-5-5Zm0 0v5h5",
  place: "M12 21s7-5.6 7-11a7 7 0 1 0-14 0c0 5.4 7 11 7 11Zm0-8.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5Z",
  warning: "M12 8v5m0 3.5v.01M12 3l9.5 17h-19L12 3Z",
  check: "M5 12.5l4.5 4.5L19 7.5",
  clock: "M12 7.5V12l3 2M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Z",
};

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, any>} [properties]  `on…` listens, `part` is its class too, false and undefined are left out
 * @param {...(Node | string | false | null | undefined)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.classList.add(...value.split(" "));
    else element.setAttribute(name, value === true ? "" : String(value));
    if (name === "part") element.classList.add(...value.split(" "));
  }
  element.append(.../** @type {(Node | string)[]} */ (children.filter(Boolean)));
  return element;
}

/** @param {keyof typeof ICONS} name */
export function icon(name) {
  return drawing(ICONS[name]);
}

/** @param {string} strokes  a path in a box of 24 by 24 */
export function drawing(strokes) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [attribute, value] of Object.entries({ viewBox: "0 0 24 24", "aria-hidden": "true", class: "icon" })) {
    svg.setAttribute(attribute, value);
  }
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", strokes);
  svg.append(path);
  return svg;
}

/**
 * @param {EventTarget} target
 * @param {string} name
 * @param {(detail: any) => void} listener
 * @returns {() => void} call it to hear no more
 */
export function listen(target, name, listener) {
  const heard = (/** @type {Event} */ event) => listener(/** @type {CustomEvent} */ (event).detail);
  target.addEventListener(name, heard);
  return () => target.removeEventListener(name, heard);
}

/**
 * A web address that is safe to fetch or follow, or null.
 *
 * @param {string} address
 * @param {string} [base]  where it may be relative
 */
export function webAddress(address, base) {
  try {
    const url = new URL(address, base);
    return /^https?:$/.test(url.protocol) ? url : null;
  } catch {
    return null;
  }
}

/**
 * A link that leaves the page alone.
 *
 * @param {string} address  checked already
 * @param {Record<string, any>} properties
 * @param {...(Node | string)} children
 */
export function link(address, properties, ...children) {
  return h("a", { href: address, target: "_blank", rel: "noopener noreferrer nofollow", ...properties }, ...children);
}
