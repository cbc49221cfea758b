"""What is pressed at the desk counts, though it is drawn anew before the release."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from tests.browser.pages import could_not_be_sent

POSTCARD = "welcome/postcard.png"


def press(part: Locator) -> None:
    """Put the mouse down on it, and leave it there."""
    part.hover(force=True)
    part.page.mouse.down()


def test_a_conversation_opens_though_there_is_news_of_it_while_it_is_pressed(visitor, sit_down):
    agent = sit_down()
    visitor.says("hello")
    press(agent.entry("hello").locator(".said"))
    visitor.says("anybody?")
    expect(agent.entry("anybody?")).to_be_visible()
    agent.page.mouse.up()
    agent.reads("anybody?")


def test_a_picture_opens_though_it_is_delivered_while_it_is_pressed(agent, visitor, chip):
    visitor.page.goto("about:blank")
    expect(agent.page.locator("#facts")).to_contain_text("Away")
    agent.answers("Here", link=f"{chip.url}/{POSTCARD}")
    agent.sees_state("Here", "Sent")
    picture = agent.log.get_by_role("img")
    expect(picture).to_have_js_property("naturalWidth", 560)
    press(picture)
    visitor.page.go_back()
    agent.sees_state("Here", "Delivered")
    agent.page.mouse.up()
    expect(agent.page.get_by_role("dialog", name="postcard.png")).to_be_visible()


def test_a_link_opens_though_the_desk_hears_of_something_else_while_it_is_pressed(sit_down):
    agent, other = sit_down(), sit_down()
    guide = "Guide"
    expect(agent.page.get_by_label(guide)).to_be_checked()
    press(agent.page.get_by_role("link", name="Open the chat"))
    other.page.get_by_role("button", name="Settings").click()
    other.page.get_by_label(guide).click()
    expect(agent.page.get_by_label(guide)).not_to_be_checked()
    with agent.context.expect_page():
        agent.page.mouse.up()


def test_the_focus_stays_in_the_log_when_what_was_pressed_is_gone(agent, chip):
    agent.answers("once more")
    agent.sees_state("once more", "Delivered")
    could_not_be_sent(agent, chip, "once more")
    agent.log.get_by_role("button", name="Try again").press("Enter")
    agent.sees_state("once more", "Delivered")
    expect(agent.log).to_be_focused()
