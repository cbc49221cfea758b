"""What asks for attention, brought about: a visitor who stays, and one who looks elsewhere."""

from __future__ import annotations

import time

from playwright.sync_api import Locator, Page, expect

from tests.widget.scripted_site import ATTENTION, ScriptedSite, Widget

# Counts the tones: how many are due, and how many the browser has begun, which takes its time.
COUNT_TONES = """
window.tones = 0;
window.heard = 0;
const { resume } = AudioContext.prototype;
AudioContext.prototype.resume = function () {
  window.tones += 1;
  return resume.apply(this);
};
const { start } = AudioScheduledSourceNode.prototype;
AudioScheduledSourceNode.prototype.start = function (...when) {
  window.heard += 1;
  return start.apply(this, when);
};
"""
# What locks decide is known after a few turns of whoever gives them.
_TURNS = """async () => {
  for (let turn = 0; turn < 5; turn++) {
    await navigator.locks?.query().catch(() => {});
    await new Promise((resolve) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = resolve;
      port2.postMessage("");
    });
  }
}"""
_LOOK = """(value) => {
  Object.defineProperty(document, "visibilityState", { value, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


# Time.


def stop_clock(page: Page) -> None:
    """Let time pass only when the test says so, on a page whose clock it turns."""
    # The clock goes on until it has heard of it, and cannot be stopped at a time that is over.
    page.clock.pause_at(page.evaluate("Date.now()") / 1000 + 60)


def without_time(site: ScriptedSite) -> ScriptedSite:
    """Let time pass only when the test says so, from the beginning of each page.

    A language whose words are late is English: here they are never late.
    """
    site.context.clock.install()
    site.context.clock.pause_at(time.time() + 60)
    return site


# The teaser.


def with_clock(site: ScriptedSite) -> ScriptedSite:
    """Let the test turn the pages' clock, which by itself hides how they were navigated to."""
    site.context.add_init_script("window.measured = performance")
    without_time(site)
    site.context.add_init_script(
        "performance.getEntriesByType = (type) => measured.getEntriesByType(type)"
    )
    return site


def stay(widget: Widget) -> Widget:
    """Let the visitor stay until the teaser is due."""
    widget.page.clock.run_for(5000)
    return widget


def teaser(widget: Widget) -> Locator:
    return widget.page.locator("chip-chat .teaser")


# Title and tone.


def attentive(widget: Widget, site: ScriptedSite) -> Widget:
    """Wait until the page would tell of a message."""
    widget.online()
    widget.until(lambda: ATTENTION in site.requests, "the file that tells")
    widget.page.evaluate("url => import(url).then(() => {})", ATTENTION)
    return settled(widget)


def settled(widget: Widget) -> Widget:
    """Wait until the tabs have agreed."""
    widget.page.evaluate(_TURNS)
    return widget


def away(widget: Widget) -> Widget:
    """Let the visitor look at something else."""
    widget.page.evaluate(_LOOK, "hidden")
    return settled(widget)


def back(widget: Widget) -> Widget:
    """Let the visitor look at the page again."""
    widget.page.evaluate(_LOOK, "visible")
    return settled(widget)


def glance(widget: Widget) -> Widget:
    """Let the visitor look at the page for no time at all."""
    widget.page.evaluate(f"() => ['visible', 'hidden'].forEach({_LOOK})")
    return settled(widget)


def comes(site: ScriptedSite, text: str, *widgets: Widget) -> None:
    """Let a message come to all of these pages."""
    site.chip.say(text)
    for widget in widgets:
        expect(widget.message(text)).to_be_attached()
    for widget in widgets:
        settled(widget)


def tones(widget: Widget) -> int:
    """Return how many are due."""
    count: int = widget.page.evaluate("tones")
    return count
