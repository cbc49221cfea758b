"""What is half written belongs to the tab: to all pages that it shows, one after the other."""

import pytest
from playwright.sync_api import expect

from tests.widget.scripted_site import CHANNEL, embed
from tests.widget.states import lightbox, talk

SCRIPT = embed().partition(" data-channel")[0] + "></script>"
ELEMENT = f'<chip-chat channel="{CHANNEL}"></chip-chat>'
KEY = f"chip:{CHANNEL}:draft"
STORED = f"sessionStorage.getItem('{KEY}')"


@pytest.fixture
def writing(site, visit):
    """A visitor who has begun a sentence and goes on to the next page, perhaps to return."""
    widget = visit().open()
    widget.input.press_sequentially("My order")
    assert widget.page.evaluate(STORED) == "My order"
    turn(widget.page, "pagehide")
    return widget


def turn(page, event):
    page.evaluate(f"() => dispatchEvent(new PageTransitionEvent('{event}', {{ persisted: true }}))")


def test_a_draft_that_the_next_page_sent_is_gone_on_the_way_back(writing):
    writing.page.evaluate(f"sessionStorage.removeItem('{KEY}')")
    turn(writing.page, "pageshow")
    writing.online()

    expect(writing.input).to_have_value("")
    assert writing.page.evaluate(STORED) is None


def test_a_draft_that_went_on_on_the_next_page_is_there_on_the_way_back(writing):
    writing.page.evaluate(f"sessionStorage.setItem('{KEY}', 'My order is late')")
    turn(writing.page, "pageshow")
    writing.online()

    expect(writing.input).to_have_value("My order is late")
    assert writing.page.evaluate(STORED) == "My order is late"


def test_of_two_elements_the_one_where_nobody_writes_leaves_the_draft(site):
    page = site.page(SCRIPT + ELEMENT + ELEMENT.replace(">", " position=start>", 1))
    one = page.locator("chip-chat").first
    one.locator(".launcher").click()
    one.locator(".input").press_sequentially("Half a thought")
    begun = len(site.chip.commands("start_chat"))
    site.chip.drop()
    page.wait_for_function("document.querySelector('chip-chat').state !== 'online'")
    page.evaluate("dispatchEvent(new Event('online'))")
    page.wait_for_function("document.querySelector('chip-chat').state === 'online'")

    assert len(site.chip.commands("start_chat")) > begun
    assert page.evaluate(STORED) == "Half a thought"


def test_what_one_page_forgets_is_not_shown_large_on_another(site, visit):
    talk(site)
    other, one = visit(), visit()
    lightbox(site, other)
    one.page.evaluate("Chip.destroy({ forget: true })")

    expect(other.page.locator("chip-chat .lightbox")).to_have_count(0)
    other.write("Good day")
    expect(other.message("Good day")).to_contain_text("Sent")


def test_what_one_page_forgets_leaves_no_words_on_another(site, visit):
    other, one = visit().open(), visit().open()
    other.input.press_sequentially("My order")
    one.page.evaluate("Chip.destroy({ forget: true })")

    expect(other.input).to_have_value("")
    assert other.page.evaluate("Object.keys(sessionStorage)") == []
    other.page.reload()
    expect(other.launcher).to_be_visible()
    expect(other.panel).to_be_hidden()
