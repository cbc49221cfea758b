/** The panel of settings, and the name by which one answers. */
import { byId, icon } from "./dom.js";
import { remember, remembered } from "./notice.js";

const AUTHOR = "chip-desk-author";

/** Who answers; empty for the usual name. @returns {string} */
export function author() {
  return byId("author").value.trim();
}

export function handleSettings() {
  const button = byId("settings-button");
  const panel = byId("settings");
  button.append(icon("settings"));
  button.setAttribute("aria-label", "Settings");
  button.addEventListener("click", () => {
    panel.hidden = !panel.hidden;
    button.setAttribute("aria-expanded", String(!panel.hidden));
  });
  byId("author").value = remembered(AUTHOR) ?? "";
  byId("author").addEventListener("input", () => remember(AUTHOR, byId("author").value));
}
