/**
 * Keeps the widget in its corner of the window on pages that are transformed or filtered.
 *
 * Such an ancestor makes `position: fixed` mean a place in itself. The top layer knows no ancestors,
 * but no `z-index` either, which the page may have given: so it is used only where it is needed. A
 * browser without popovers leaves the widget where the page has put it.
 */
import { h } from "./dom.js";

export class Layer {
  #root;
  #observer = new ResizeObserver(() => this.#choose());
  /** As large as the window, unless an ancestor is in the way. */
  probe = h("div", { class: "probe", "aria-hidden": "true" });

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
    this.#observer.observe(this.probe);
  }

  /** It is in a page again, where nothing is raised any more. */
  shown() {
    if (this.#root.hasAttribute("popover")) this.#root.showPopover();
  }

  stop() {
    this.#observer.disconnect();
  }

  #choose() {
    const root = this.#root;
    const raised = root.hasAttribute("popover");
    // Raised now, the root would cover a panel that is raised already.
    if (!("popover" in root) || !root.isConnected || raised !== fillsWindow(this.probe) || root.querySelector(":modal")) return;
    if (raised) root.hidePopover();
    root.popover = raised ? null : "manual";
    if (!raised) root.showPopover();
  }
}

/** @param {HTMLElement} probe */
function fillsWindow(probe) {
  const { left, top, width, height } = probe.getBoundingClientRect();
  const { clientWidth, clientHeight } = document.scrollingElement ?? document.documentElement;
  // The bars of a phone's browser come and go: its window has two heights.
  const [low, high] = [clientHeight, innerHeight].sort((a, b) => a - b);
  return left === 0 && top === 0 && near(width, clientWidth) && height > (low ?? 0) - 1 && height < (high ?? 0) + 1;
}

/** @param {number} one @param {number} other */
function near(one, other) {
  return Math.abs(one - other) < 1;
}
