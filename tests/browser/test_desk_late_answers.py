"""At the desk an answer that comes late changes nothing of what has happened since."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.pages import Agent, Held, desk_link


def is_sent_away(agent: Agent, chip) -> None:
    """Have the session ended elsewhere."""
    agent.page.request.post(f"{chip.url}/desk/logout", headers={"X-Chip-Desk": "1"})
    expect(agent.page.get_by_label("Token")).to_be_visible()


def sits_down_again(agent: Agent, chip) -> None:
    """Sign in at the door."""
    agent.page.get_by_label("Token").fill(desk_link(chip).partition("token=")[2])
    agent.page.get_by_role("button", name="Sit down").click()
    agent.is_connected()


def test_what_the_last_session_was_refused_does_not_end_the_next(agent, browser, chip):
    late = Held(agent.page, "**/desk/api/conversations/1/messages", times=1)
    agent.answers("in the air")
    is_sent_away(agent, chip)
    late.are_answered()
    sits_down_again(agent, chip)
    late.come()
    agent.sees_state("in the air", "Delivered")  # It is tried again.
    agent.is_connected()
    browser.problems.clear()  # 401 is an error to a browser.


def test_nothing_that_was_read_comes_back_after_leaving(agent, visitor, browser, chip):
    agent.reads("hello")
    agent.page.get_by_role("button", name="Visitor 1", exact=True).click()
    agent.page.keyboard.type("Ada Lovelace")
    agent.page.keyboard.press("Enter")
    expect(agent.entry("Ada Lovelace")).to_be_visible()
    agent.page.keyboard.press("Escape")
    visitor.says("my parcel")
    expect(agent.page).to_have_title("(1) Desk · Chip")
    agent.page.reload()
    late = Held(agent.page, "**/desk/api/conversations/1?*")
    agent.entry("Ada Lovelace").click()
    expect(agent.page.locator("#who")).to_have_text("Ada Lovelace")
    late.are_answered()
    is_sent_away(agent, chip)
    late.come()
    expect(agent.page).to_have_title("Desk · Chip")
    for text in ("Ada Lovelace", "my parcel"):
        assert text not in agent.page.content()
        assert text not in agent.page.get_by_label("Name of this visitor").input_value()
    browser.problems.clear()  # 401 is an error to a browser.


def test_the_list_does_not_wait_for_the_open_conversation(agent):
    late = Held(agent.page, "**/desk/api/conversations/1?*")
    agent.page.reload()
    expect(agent.entry("hello")).to_be_visible()
    late.are_answered(2)
    late.come()
    agent.reads("hello")


def test_the_guide_is_not_switched_before_it_is_known_how_it_stands(sit_down):
    agent = sit_down()
    late = Held(agent.page, "**/desk/api/conversations?*")
    agent.page.reload()
    agent.page.get_by_role("button", name="Settings").click()
    switch = agent.page.get_by_role("switch")
    expect(switch).to_be_disabled()
    late.are_answered()
    late.come()
    expect(switch).to_be_enabled()
    expect(switch).to_be_checked()


def test_a_conversation_that_comes_late_hides_nothing_that_was_said_since(agent, visitor):
    agent.reads("hello")
    expect(agent.page).to_have_title("Desk · Chip")
    agent.page.keyboard.press("Escape")
    agent.page.reload()
    late = Held(agent.page, "**/desk/api/conversations/1?*")
    agent.entry("hello").click()
    late.are_answered()
    visitor.says("second")
    expect(agent.page).to_have_title("(1) Desk · Chip")
    late.come()
    agent.reads("second")
    expect(agent.entry("second")).to_be_visible()
    expect(agent.page).to_have_title("Desk · Chip")


def test_a_count_that_comes_late_does_not_replace_a_newer_one(agent, visitor):
    agent.reads("hello")
    agent.page.keyboard.press("Escape")
    expect(agent.page).to_have_title("Desk · Chip")
    late = Held(agent.page, "**/desk/api/unread?*", times=1)
    visitor.says("second")
    late.are_answered()
    visitor.says("third")
    expect(agent.page).to_have_title("(2) Desk · Chip")
    agent.opens("third")
    expect(agent.page).to_have_title("Desk · Chip")
    late.come()
    expect(agent.page).to_have_title("Desk · Chip")
