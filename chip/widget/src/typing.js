/**
 * What every field that somebody writes in has in common.
 */

/**
 * Whether characters are being composed, as in Chinese and Japanese: then Enter and Escape belong to the
 * input method. Safari says so by the key code alone.
 *
 * @param {KeyboardEvent} event
 */
export function isComposing(event) {
  return event.isComposing || event.keyCode === 229;
}

/** Make a field as high as its text, in browsers whose style sheets cannot. @param {HTMLTextAreaElement} field */
export function fitToText(field) {
  if (CSS.supports("field-sizing", "content")) return;
  field.style.setProperty("height", "auto");
  field.style.setProperty("height", `${field.scrollHeight}px`);
}
