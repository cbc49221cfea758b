"""The desk and the front page in browsers that lack something new in style sheets.

What is newest is taken away, piece by piece, as with the widget (`tests/widget/test_old_browsers`).
"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from chip.desk.page_files import PAGES
from tests.browser.test_for_everybody import complaints
from tests.widget.test_old_browsers import CONTRAST, NEW_STYLES

SHEETS = sorted(PAGES.glob("*.css"))
# With the year in which the last of Chrome, Firefox and Safari had it.
STYLES = {
    "dvh": 2022,
    "overscroll-behavior:": 2022,
    "text-wrap:": "never",
    "field-sizing:": "never",
}
SCHEMES = pytest.mark.parametrize("device", [{}, {"dark": True}], ids=str)


def is_seen(control: Locator) -> None:
    """Check that it has a ground of its own."""
    ground = control.evaluate("element => getComputedStyle(element).backgroundColor")
    assert re.match(r"rgb\(", ground), (control, ground)


def can_be_read(*texts: Locator) -> None:
    for text in texts:
        assert text.evaluate(CONTRAST) >= 4.5, text


def lacking(feature):
    """A style sheet as a browser without that reads it."""

    def give(route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace(feature, f"no-{feature}"))

    return give


def test_whatever_is_new_in_the_styles_is_taken_away_by_a_test():
    styles = "".join(sheet.read_text() for sheet in SHEETS)

    assert {found.strip("0123456789 {;") for found in NEW_STYLES.findall(styles)} == set(STYLES)


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_each_colour_has_one_for_the_dark(sheet):
    light, dark = re.findall(r":root \{(.*?)\}", sheet.read_text(), re.DOTALL)
    names, others = (re.findall(r"^ *(--[\w-]+):", block, re.MULTILINE) for block in (light, dark))

    assert names == others


@SCHEMES
@pytest.mark.parametrize("feature", STYLES)
def test_the_desk_without_that_style(browser, chip, visitor, sit_down, feature, device):
    agent = sit_down(**device)
    agent.page.route("**/*.css", lacking(feature))
    agent.page.reload()
    agent.is_connected()
    visitor.says("hello")
    agent.opens("hello")
    agent.answers("Yes")
    # Each state before is drawn anew.
    agent.sees_state("Yes", "Delivered")
    agent.page.get_by_role("button", name="Settings").click()

    switch = agent.page.get_by_role("switch", name="Guide")
    send = agent.page.locator(".send")
    bubble = agent.log.get_by_text("Yes", exact=True)
    for control in (switch, send, bubble):
        is_seen(control)
    can_be_read(bubble, agent.log.get_by_text("hello", exact=True))
    assert complaints(agent.page) == []
    chip.stop()
    expect(agent.banner).to_be_visible()
    is_seen(agent.banner)
    can_be_read(agent.banner)
    browser.problems.clear()


@SCHEMES
@pytest.mark.parametrize("feature", STYLES)
def test_the_front_page_without_that_style(browser, chip, feature, device):
    page = browser.page(chip.url, **device)
    page.route("**/*.css", lacking(feature))
    page.reload()
    hello = page.get_by_role("button", name="Say hello")
    is_seen(hello)
    can_be_read(hello, page.get_by_role("heading", level=1))
    assert complaints(page) == []
