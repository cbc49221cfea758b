/** The front page's two buttons. */

/** @type {any} */ (window).Chip ??= [];
document.getElementById("hello")?.addEventListener("click", () => /** @type {any} */ (window).Chip.push(["open"]));

const copy = document.getElementById("copy");
copy?.addEventListener("click", async () => {
  const line = /** @type {HTMLElement} */ (document.getElementById("line"));
  try {
    await navigator.clipboard.writeText(line.textContent ?? "");
    copy.textContent = copy.dataset["done"] ?? "";
  } catch {
    // Where a page may not write to the clipboard, whoever reads it may.
    getSelection()?.selectAllChildren(line);
  }
});
