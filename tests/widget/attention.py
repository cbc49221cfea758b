"""What asks for attention, brought about: a visitor who stays."""

from __future__ import annotations

from playwright.sync_api import Locator

from tests.widget.scripted_site import ScriptedSite, Widget


def with_clock(site: ScriptedSite) -> ScriptedSite:
    """Let the test turn the pages' clock, which by itself hides how they were navigated to."""
    site.context.add_init_script("window.measured = performance")
    site.context.clock.install()
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
