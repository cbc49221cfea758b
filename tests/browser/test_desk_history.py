"""What the desk has loaded stays, and its list is there for the keyboard."""

from __future__ import annotations

import re
import sqlite3

import pytest
from playwright.sync_api import expect

from tests.browser.pages import Held, try_now

MESSAGES = 130
CONVERSATIONS = 60


@pytest.fixture
def agent(visitor, sit_down, chip):
    """Somebody at the desk with a long list, in a long conversation."""
    visitor.says("hello")
    # The guide has answered: what follows is newer.
    expect(visitor.log.get_by_role("article").nth(1)).to_be_visible()
    with sqlite3.connect(chip.directory / "chip-data" / "chip.sqlite3") as db:
        db.executemany(
            "INSERT INTO message (uuid, contact_id, direction, text, status, created_on)"
            " SELECT ?, id, 'I', ?, 'H', active_on + 1 FROM contact WHERE id = 1",
            [(f"old-{number}", f"text {number}.") for number in range(MESSAGES)],
        )
        db.executemany(
            "INSERT INTO contact (org_id, channel_uuid, chat_id, created_on, modified_on,"
            " active_on) SELECT org_id, channel_uuid, ?, 1, 1, ? FROM contact WHERE id = 1",
            [(f"{number:024}", number) for number in range(CONVERSATIONS)],
        )
        db.execute(
            "INSERT INTO message (uuid, contact_id, direction, text, status, created_on)"
            " VALUES ('far', 2, 'I', 'far away', 'H', 1)"
        )
    db.close()
    return sit_down()


def loads_everything(agent) -> None:
    """Open the long conversation, and fetch it and the list to their beginnings."""
    agent.page.get_by_role("button", name="Older conversations").click()
    expect(agent.list.get_by_role("button")).to_have_count(CONVERSATIONS + 1)
    agent.opens("Visitor 1,")
    agent.reads(f"text {MESSAGES - 1}.")
    for text in ("text 50.", "text 0."):
        agent.log.get_by_role("button", name="Earlier messages").click()
        agent.reads(text)
    agent.reads("hello")


def everything_is_there(agent) -> None:
    """Nothing of it is missing."""
    agent.reads("hello")
    agent.reads("text 0.")
    expect(agent.list.get_by_role("button")).to_have_count(CONVERSATIONS + 1)


def test_a_search_and_a_restart_throw_nothing_away(agent, chip, browser):
    loads_everything(agent)
    search = agent.page.get_by_role("searchbox")
    search.fill("far away")
    expect(agent.list.get_by_role("button")).to_have_count(1)
    agent.reads("hello")
    search.fill("")
    everything_is_there(agent)
    search.fill("far away")
    expect(agent.list.get_by_role("button")).to_have_count(1)
    chip.stop()
    expect(agent.banner).to_contain_text("connection to Chip is lost")
    chip.start()
    try_now(agent.page)
    expect(agent.banner).to_be_hidden()
    expect(agent.list.get_by_role("button")).to_have_count(1)
    search.fill("")
    everything_is_there(agent)
    browser.problems.clear()  # A server that is away makes browsers complain.


def test_what_comes_too_late_changes_nothing(agent, browser):
    expect(agent.page.get_by_role("button", name="Older conversations")).to_be_visible()
    late = []
    asked = re.compile("before=[1-9]|conversations/999[?]")

    def keep(route):
        late.append(route)

    agent.page.route(asked, keep)
    agent.page.evaluate("location.hash = '999'")  # There is no such conversation.
    agent.page.get_by_role("button", name="Older conversations").click()
    agent.opens("Visitor 1,")
    agent.page.get_by_role("searchbox").fill("far away")
    expect(agent.list.get_by_role("button")).to_have_count(1)
    for route in late:
        with agent.page.expect_response(route.request.url) as answer:
            route.continue_()
        answer.value.finished()
    agent.reads(f"text {MESSAGES - 1}.")
    expect(agent.list.get_by_role("button")).to_have_count(1)
    browser.problems.clear()  # 404 is an error to a browser.


def test_earlier_messages_from_before_a_gap_leave_no_hole(agent, visitor, chip, browser):
    agent.opens("Visitor 1,")
    agent.reads(f"text {MESSAGES - 1}.")
    late = Held(agent.page, re.compile("conversations/1[?]before=[1-9]"))
    agent.log.get_by_role("button", name="Earlier messages").click()
    late.are_answered()
    agent.list.get_by_role("button").nth(1).click()
    chip.stop()
    expect(agent.banner).to_contain_text("connection to Chip is lost")
    chip.start()
    try_now(visitor.page, agent.page)
    expect(agent.banner).to_be_hidden()
    late.come()
    visitor.says("one more")
    agent.opens("one more")
    agent.reads("one more")
    agent.reads(f"text {MESSAGES - 1}.")
    texts = agent.log.locator(".bubble").all_inner_texts()
    numbers = [int(text[5:-1]) for text in texts if text.startswith("text ")]
    assert numbers == list(range(numbers[0], MESSAGES))
    browser.problems.clear()  # A server that is away makes browsers complain.


def test_the_focus_stays_in_the_log_after_the_first_message_of_all(agent):
    agent.opens("Visitor 1,")
    earlier = agent.log.get_by_role("button", name="Earlier messages")
    for text in ("text 50.", "text 0."):
        earlier.press("Enter")
        agent.reads(text)
    expect(earlier).to_have_count(0)
    expect(agent.log).to_be_focused()


def test_the_focus_stays_where_the_list_goes_on(agent, visitor):
    older = agent.page.get_by_role("button", name="Older conversations")
    older.focus()
    visitor.says("news")
    expect(agent.entry("news")).to_be_visible()
    expect(older).to_be_focused()
    older.press("Enter")
    expect(agent.list.get_by_role("button")).to_have_count(CONVERSATIONS + 1)
    expect(older).to_have_count(0)
    expect(agent.list.get_by_role("button").last).to_be_focused()


def test_the_title_counts_what_is_not_loaded_too(agent):
    expect(agent.page).to_have_title(f"({MESSAGES + 2}) Desk · Chip")


def test_arrow_keys_walk_the_list_from_anywhere_but_a_field(agent):
    buttons = agent.list.get_by_role("button")
    expect(buttons).to_have_count(50)
    agent.page.keyboard.press("ArrowDown")
    expect(buttons.nth(0)).to_be_focused()
    agent.page.keyboard.press("ArrowDown")
    expect(buttons.nth(1)).to_be_focused()
    agent.page.keyboard.press("ArrowUp")
    agent.page.keyboard.press("Enter")
    box = agent.page.get_by_label("Reply", exact=True)
    expect(box).to_be_focused()
    agent.page.keyboard.press("ArrowDown")
    expect(box).to_be_focused()
    agent.page.get_by_role("searchbox").focus()
    agent.page.keyboard.press("ArrowDown")
    expect(buttons.nth(1)).to_be_focused()
