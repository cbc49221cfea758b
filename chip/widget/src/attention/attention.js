/**
 * What asks for attention: a teaser beside the closed launcher, and title and sound for a message that
 * came while the page is hidden.
 *
 * A file of its own: the widget loads it for somebody new who stays, and for whoever chats.
 */
export { notify } from "./notify.js";
export { tease } from "./teaser.js";

/**
 * @typedef {object} Parts  of the widget
 * @property {typeof import("../dom.js").h} h
 * @property {typeof import("../dom.js").icon} icon
 * @property {HTMLElement} element  the widget's own
 * @property {typeof import("../boundary.js").keepIn} keepIn
 * @property {import("../panel.js").Panel} panel
 * @property {string} channel
 * @property {import("../chat.js").Chat} chat
 * @property {import("../opening.js").Opening} opening
 * @property {(name: string, n?: number) => string} say  in the visitor's language
 */
