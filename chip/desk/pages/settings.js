/** The panel of settings: Chip's, and the name by which one answers. */
import { byId, icon } from "./dom.js";
import { remember, remembered } from "./notice.js";
import { post } from "./server.js";

const AUTHOR = "chip-desk-author";

/** What Chip has said last. */
let guide = false;

/** Who answers; empty for the usual name. @returns {string} */
export function author() {
  return byId("author").value.trim();
}

/** @param {import("./server.js").Settings} settings */
export function showSettings(settings) {
  guide = settings.guide;
  byId("guide").checked = guide;
  byId("guide").disabled = false; // Until now a press would have set what nobody saw.
}

/** @param {(error: unknown) => void} failed */
export function handleSettings(failed) {
  const button = byId("settings-button");
  const panel = byId("settings");
  button.append(icon("settings"));
  button.setAttribute("aria-label", "Settings");
  button.addEventListener("click", () => {
    panel.hidden = !panel.hidden;
    button.setAttribute("aria-expanded", String(!panel.hidden));
  });
  byId("guide").addEventListener("change", async () => {
    try {
      showSettings((await post("settings", { guide: byId("guide").checked })).settings);
    } catch (error) {
      failed(error);
      showSettings({ guide });
    }
  });
  byId("author").value = remembered(AUTHOR) ?? "";
  byId("author").addEventListener("input", () => remember(AUTHOR, byId("author").value));
}
