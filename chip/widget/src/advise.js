/**
 * What a developer may have got wrong. The sentences are in a file of their own, which is loaded
 * where there is one to be said.
 */
import { ATTRIBUTES } from "./attributes.js";
import { later } from "./later.js";

/** The attributes that know a few words only. @type {Record<string, string[]>} */
const CHOICES = { theme: ["auto", "light", "dark"], position: ["end", "start"], dir: ["auto", "ltr", "rtl"], launcher: ["none"], sound: ["none"], open: ["true", "open"] };

/** What is written so on the script tag only; a channel that is missed is told by itself. */
const OF_THE_TAG = ATTRIBUTES.slice(1).map((name) => `data-${name}`);

/** What every element may have, but not as a property of this name. */
const USUAL = ["class", "is", "tabindex", "accesskey"];

/** @typedef {typeof import("./advice/advice.js").SENTENCES} Sentences */

/**
 * @template {keyof Sentences} Mistake
 * @param {string | null} server  where the file is
 * @param {Mistake} mistake
 * @param {Parameters<Sentences[Mistake]>} details
 */
export function advise(server, mistake, ...details) {
  // Where it cannot be had, the chat is no worse.
  void later(server, "advice").then((file) => file?.advise(mistake, details));
}

/** Say which of a script tag's data mean nothing here. @param {string} server @param {HTMLElement} tag */
export function adviseOnTag(server, tag) {
  const strange = tag.getAttributeNames().filter((name) => name.startsWith("data-") && !ATTRIBUTES.includes(name.slice(5)));
  if (strange.length) advise(server, "names", strange, "data-");
}

/** Say what of an element's attributes means nothing here. @param {string} server @param {HTMLElement} element */
export function adviseOnElement(server, element) {
  // Names with a dash or a colon are other tools', but for those that the script tag has.
  const strange = element.getAttributeNames().filter((name) => /^[a-z]+$/.test(name) ? !(name in element) && !ATTRIBUTES.includes(name) && !USUAL.includes(name) : OF_THE_TAG.includes(name));
  if (strange.length) advise(server, "names", strange, "");
  for (const name of ATTRIBUTES) adviseOnValue(server, name, element.getAttribute(name));
}

/** @param {string} server @param {string} name @param {string | null} value */
export function adviseOnValue(server, name, value) {
  if (!value) return;
  const choices = CHOICES[name];
  if (choices && !choices.includes(value)) advise(server, "choice", name, value, choices);
  if (name === "accent" && !CSS.supports("color", value)) advise(server, "colour", value);
  if (name === "strings") advise(server, "strings", value);
}
