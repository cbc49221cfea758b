/** The keys that the whole page hears. */
import { isComposing } from "./widget/typing.js";
import { byId } from "./dom.js";

/** @param {import("./list.js").List} list @param {() => void} close  the open conversation, if there is one */
export function handleKeys(list, close) {
  addEventListener("keydown", (event) => {
    if (isComposing(event)) return;
    const { key, target } = event;
    const searches = target === byId("search");
    const inField = target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;
    const step = { ArrowDown: 1, ArrowUp: -1 }[key];
    if (step && (searches || (!inField && target !== byId("log")))) {
      event.preventDefault();
      list.walk(step);
    } else if (key === "/" && !inField && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      byId("search").focus();
    } else if (key === "Escape" && searches) byId("list").querySelector("button")?.focus();
    else if (key === "Escape") close();
  });
}
