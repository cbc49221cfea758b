"""The real browser, with small pages of our own."""

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.task import deferLater

from tests.support.browser import shoot

PAGE = "data:text/html,<title>Hello</title><p>Hello <script>{}</script></p>"


def test_a_page_is_opened_and_read(browser):
    page = browser.page(PAGE.format(""))

    assert page.title() == "Hello"
    assert page.get_by_text("Hello").is_visible()


def test_devices_and_colours_differ(browser):
    dark_phone = browser.page(PAGE.format(""), phone=True, dark=True)
    light_desktop = browser.page(PAGE.format(""))

    query = "[innerWidth, matchMedia('(prefers-color-scheme: dark)').matches]"
    assert [page.evaluate(query)[1] for page in (dark_phone, light_desktop)] == [True, False]
    assert light_desktop.evaluate(query)[0] == 1280


def test_what_pages_complain_about_is_found(browser):
    browser.page(PAGE.format("console.log('fine')"))
    browser.check()

    browser.page(PAGE.format("console.error('oh no')"))
    browser.page(PAGE.format("throw new Error('broken')"))

    with pytest.raises(AssertionError, match=r"oh no[^ ]*\n.*broken"):
        browser.check()
    browser.problems.clear()


def test_a_picture_is_taken(browser, tmp_path):
    picture = shoot(browser.page(PAGE.format("")), tmp_path / "shots" / "hello.png")

    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest_twisted.ensureDeferred
async def test_the_reactor_still_turns_beside_the_browser():
    assert await deferLater(reactor, 0, lambda: "turned") == "turned"
