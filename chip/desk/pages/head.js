/** Above the open conversation: whose it is. */
import { h } from "./widget/dom.js";
import { isComposing } from "./widget/typing.js";
import { byId } from "./dom.js";
import { initials, nameOf, shortTime } from "./words.js";

/**
 * @param {import("./server.js").Conversation} conversation
 * @param {boolean} connected  whether it is known who is online
 */
export function showHead(conversation, connected) {
  const { id, name, email, site, online, started, read_only: readOnly } = conversation;
  const face = byId("face");
  face.className = `face h${id % 8} ${online ? "online" : "away"}`;
  const presence = !connected ? "Not connected" : online ? "Online" : "Away";
  try {
    byId("who").textContent = nameOf(conversation);
    face.textContent = initials(conversation);
    byId("facts").replaceChildren(
      h("span", presence === "Online" ? { class: "online" } : {}, presence),
      ...(name && email ? [" · ", h("bdi", {}, email)] : []),
      " · ", h("bdi", {}, site), ` · since ${shortTime(started)}`,
      readOnly ? " · answered in RapidPro" : "",
    );
  } catch {
    byId("who").textContent = `Visitor ${id}`;
    byId("facts").replaceChildren(presence);
  }
}

/** Nobody's. */
export function clearHead() {
  for (const part of ["face", "who", "facts"]) byId(part).replaceChildren();
  byId("new-name").value = "";
  hideRename();
}

export function hideRename() {
  byId("rename").hidden = true;
  byId("who").hidden = false;
}

/** @param {(name?: string) => string} rename  gives the visitor this name; without one, tells the present */
export function handleRename(rename) {
  const field = byId("new-name");
  const done = () => {
    hideRename();
    byId("who").focus();
  };
  byId("who").addEventListener("click", () => {
    byId("who").hidden = true;
    byId("rename").hidden = false;
    field.value = rename();
    field.focus();
  });
  field.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape" || isComposing(event)) return;
    done();
    event.stopPropagation();
  });
  byId("rename").addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    rename(field.value);
    done();
  });
}
