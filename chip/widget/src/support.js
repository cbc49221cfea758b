/**
 * Which browsers can have the chat. Half a chat would be worse than none.
 */

/**
 * Whether this one has what the widget cannot do without, as all have since 2023. What is newer
 * than that has a substitute, or is a nicety.
 */
export function canChat() {
  return "findLast" in Array.prototype && "HTMLDialogElement" in window && "adoptedStyleSheets" in ShadowRoot.prototype;
}
