/** What stands where no conversation is open. */
import { h } from "./widget/dom.js";
import { byId, icon } from "./dom.js";

/** What stands there: it stays while it is right, so that a press on its link is a click. */
let shown = "";

/** @param {boolean} open  whether something else stands there @param {boolean} isFirst  nobody has written yet */
export function showNothing(open, isFirst) {
  const place = byId("nothing");
  const wanted = open ? "" : isFirst ? "first" : "choose";
  if (wanted === shown) return;
  shown = wanted;
  if (open) return void place.replaceChildren();
  place.replaceChildren(
    icon("chat"),
    h("b", {}, isFirst ? "Nobody has written yet" : "Choose a conversation"),
    h("p", {}, ...(isFirst
      ? ["When a visitor writes, it shows up here at once. ", h("a", { href: "../", target: "_blank", rel: "noopener" }, "Open the chat"), " and say hello to yourself."]
      : ["Arrow keys move through the list, / searches it."])),
  );
}
