/**
 * What stays inside the widget. Events of a shadow tree reach the page as if the element itself had
 * been typed into, and a page takes that for its shortcuts: its own fields it would leave alone.
 *
 * What is done in the panel stays there, as in a frame of its own. Clicks and pointers pass, since
 * pages close their menus by them. A listener of the page that captures comes first; nothing can
 * be kept from it.
 */
const OWN =
  "keydown keypress keyup beforeinput input compositionstart compositionupdate compositionend copy cut paste selectstart contextmenu wheel touchmove focusin focusout".split(" ");

/** Keys that were pressed inside: they are let go inside, wherever they have moved the focus. */
const pressed = new Set();
addEventListener("keyup", (event) => pressed.delete(event.code) && event.stopPropagation(), true);

/**
 * @param {HTMLElement} element
 * @param {string[]} [keys]  those that it uses, if the page is to have the others
 */
export function keepIn(element, keys) {
  const keep = (/** @type {any} */ event) => {
    const { code, key, type } = event;
    if (key && keys && !keys.includes(key)) return;
    if (type === "keydown") pressed.add(code);
    event.stopPropagation();
  };
  for (const name of OWN) element.addEventListener(name, keep, { passive: true });
}

/** A key that is held presses once, wherever that has moved the focus. @param {HTMLElement} element */
export function ignoreHeldEnter(element) {
  element.addEventListener("keydown", (event) => event.repeat && event.key === "Enter" && !event.shiftKey && event.preventDefault(), true);
}
