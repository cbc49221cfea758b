"""What fails at the desk is tried again, and nothing is shown as if it had not failed."""

from __future__ import annotations

from playwright.sync_api import Page, expect


def is_busy(page: Page, asked: str) -> None:
    """Chip has no time for this."""
    page.route(asked, lambda route: route.fulfill(status=503, json={"error": "busy"}))


def test_a_search_that_fails_finds_what_is_there_once_it_can(visitor, sit_down, browser):
    agent = sit_down()
    visitor.says("parcel")
    expect(agent.entry("parcel")).to_be_visible()
    search, note = agent.page.get_by_role("searchbox"), agent.page.locator("#list-note")
    search.fill("letter")
    expect(note).to_have_text("Nothing found for “letter”.")
    asked = "**/desk/api/conversations?search=parcel*"
    is_busy(agent.page, asked)
    search.fill("parcel")
    expect(agent.banner).to_contain_text("did not work")
    expect(note).to_have_text("Nothing found for “letter”.")
    agent.page.unroute(asked)
    expect(agent.entry("parcel")).to_be_visible()
    browser.problems.clear()  # 503 is an error to a browser.


def test_a_conversation_that_cannot_be_loaded_is_loaded_once_it_can(visitor, sit_down, browser):
    agent = sit_down()
    visitor.says("hello")
    expect(agent.entry("hello")).to_be_visible()
    asked = "**/desk/api/conversations/1?*"
    is_busy(agent.page, asked)
    agent.opens("hello")
    expect(agent.banner).to_contain_text("did not work")
    agent.page.unroute(asked)
    visitor.says("anybody?")
    agent.reads("hello")
    agent.reads("anybody?")
    browser.problems.clear()  # 503 is an error to a browser.


def test_what_cannot_be_marked_as_read_is_unread_until_it_can(visitor, sit_down, browser):
    agent = sit_down()
    visitor.says("hello")
    expect(agent.page).to_have_title("(1) Desk · Chip")
    asked = "**/desk/api/conversations/1/read"
    is_busy(agent.page, asked)
    agent.opens("hello")
    expect(agent.banner).to_contain_text("did not work")
    expect(agent.entry("hello").locator(".count")).to_have_text("1 unread")
    agent.page.unroute(asked)
    expect(agent.entry("hello").locator(".count")).to_have_count(0)
    expect(agent.page).to_have_title("Desk · Chip")
    browser.problems.clear()  # 503 is an error to a browser.


def test_a_switch_that_cannot_be_set_stands_as_it_did(sit_down, browser):
    agent = sit_down()
    is_busy(agent.page, "**/desk/api/settings")
    agent.page.get_by_role("button", name="Settings").click()
    switch = agent.page.get_by_role("switch")
    expect(switch).to_be_checked()
    switch.click()
    expect(agent.banner).to_contain_text("did not work")
    expect(switch).to_be_checked()
    browser.problems.clear()  # 503 is an error to a browser.
