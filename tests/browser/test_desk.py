"""Both sides of a conversation, in a real browser each, against a real Chip."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.pages import Agent, Visitor, desk_link, try_now

HELLO = "Hello! 👋"


def test_the_very_first_message_is_answered_by_the_guide(visitor):
    visitor.says("Hello")
    visitor.sees_in_order("Hello", HELLO)
    visitor.chooses("Show me a picture")
    expect(visitor.log.get_by_role("img")).to_have_js_property("complete", True)
    expect(visitor.log.get_by_role("img")).to_have_js_property("naturalWidth", 560)


def test_a_person_takes_over_and_the_reply_is_delivered(visitor, sit_down):
    visitor.says("Hello")
    visitor.reads(HELLO)
    visitor.says("Where is my parcel?")
    agent = sit_down()
    agent.opens("Visitor 1")
    agent.reads("Where is my parcel?")
    agent.answers("Let me look.")
    visitor.reads("Let me look.")
    agent.sees_state("Let me look.", "Delivered")
    visitor.says("Show me a picture")
    agent.reads("Show me a picture")
    agent.answers("Number 5")
    visitor.sees_in_order("Show me a picture", "Number 5")
    assert visitor.log.get_by_role("img").count() == 0


def test_a_conversation_goes_on_live_on_both_sides(browser, chip, sit_down):
    agent = sit_down()
    expect(agent.page.get_by_text("Nobody has written yet")).to_be_visible()
    visitor = Visitor(browser, chip)
    visitor.opens_chat()
    expect(agent.entry("Has opened the chat")).to_be_visible()
    visitor.says("one")
    agent.opens("one")
    for question, answer in (("two", "zwei"), ("three", "drei")):
        visitor.says(question)
        agent.reads(question)
        agent.answers(answer)
        visitor.reads(answer)
    visitor.sees_in_order("one", "two", "zwei", "three", "drei")


def test_a_quick_reply_becomes_the_visitors_answer(visitor, sit_down):
    agent = sit_down()
    visitor.says("Which size?")
    agent.opens("Which size?")
    agent.answers("These are left", quick_replies=("Small", "Large"))
    visitor.reads("These are left")
    visitor.chooses("Large")
    agent.reads("Large")


def test_an_attachment_by_link_is_shown_on_both_sides(visitor, sit_down, chip):
    agent = sit_down()
    visitor.says("Show me")
    agent.opens("Show me")
    agent.answers("Here", link=f"{chip.url}/welcome/postcard.png")
    for log in (visitor.log, agent.log):
        expect(log.get_by_role("img")).to_have_js_property("naturalWidth", 560)
    agent.log.get_by_role("img").click()
    large = agent.page.get_by_role("dialog", name="postcard.png")
    expect(large.get_by_role("img")).to_have_js_property("naturalWidth", 560)
    large.get_by_role("button", name="Close image").click()
    expect(large).to_have_count(0)


def test_a_link_that_is_none_is_not_sent(visitor, sit_down):
    agent = sit_down()
    visitor.says("hello")
    agent.opens("hello")
    agent.page.get_by_role("button", name="Attach by link").click()
    agent.page.get_by_label("Link of an attachment").fill("not a link")
    box = agent.page.get_by_label("Reply", exact=True)
    box.fill("Here")
    box.press("Enter")
    expect(agent.page.get_by_label("Link of an attachment")).to_be_focused()
    expect(box).to_have_value("Here")


def test_either_side_reloads_and_everything_is_there_once(visitor, sit_down):
    agent = sit_down()
    visitor.says("question")
    agent.opens("question")
    agent.answers("answer")
    visitor.reads("answer")
    agent.page.reload()
    for text in ("question", "answer"):
        agent.reads(text)
    visitor.page.reload()
    for text in ("question", "answer"):
        visitor.reads(text)
    agent.answers("more")
    visitor.reads("more")


def test_a_reply_to_a_visitor_who_is_away_waits_for_him(visitor, sit_down, browser):
    agent = sit_down()
    visitor.says("See you")
    agent.opens("See you")
    expect(agent.page.locator("#facts")).to_contain_text("Online")
    visitor.page.goto("about:blank")
    expect(agent.page.locator("#facts")).to_contain_text("Away")
    agent.answers("Are you there?")
    agent.sees_state("Are you there?", "Sent")
    visitor.page.go_back()
    expect(agent.page.locator("#facts")).to_contain_text("Online")
    agent.sees_state("Are you there?", "Delivered")


def test_chip_restarts_under_both_open_pages(visitor, sit_down, chip, browser):
    agent = sit_down()
    visitor.says("before")
    agent.opens("before")
    chip.stop()
    expect(agent.banner).to_contain_text("connection to Chip is lost")
    visitor.says("while it was away")
    chip.start()
    try_now(visitor.page, agent.page)
    agent.reads("while it was away")
    expect(agent.banner).to_be_hidden()
    agent.answers("after")
    visitor.reads("after")
    agent.sees_state("after", "Delivered")
    browser.problems.clear()  # A server that is away makes browsers complain.


def test_chip_is_killed_and_nothing_is_lost(visitor, sit_down, chip, browser):
    agent = sit_down()
    visitor.says("before")
    agent.opens("before")
    agent.answers("reply before")
    visitor.reads("reply before")
    chip.kill()
    visitor.says("said to nobody")
    chip.start()
    try_now(visitor.page, agent.page)
    agent.reads("said to nobody")
    agent.answers("reply after")
    visitor.sees_in_order("before", "reply before", "said to nobody", "reply after")
    browser.problems.clear()


def test_two_desks_see_the_same(visitor, sit_down):
    one, other = sit_down(), sit_down()
    visitor.says("hello")
    for agent in (one, other):
        expect(agent.entry("hello").locator(".count")).to_have_text("1 unread")
        expect(agent.page).to_have_title("(1) Desk · Chip")
    one.opens("hello")
    for agent in (one, other):
        expect(agent.entry("hello").locator(".count")).to_have_count(0)
        expect(agent.page).to_have_title("Desk · Chip")
    other.opens("hello")
    one.answers("from one")
    other.reads("from one")
    other.sees_state("from one", "Delivered")


def test_two_visitors_are_kept_apart_and_the_newest_stands_first(browser, chip, sit_down):
    ann, bob = Visitor(browser, chip), Visitor(browser, chip)
    agent = sit_down()
    for visitor, text in ((ann, "I am Ann"), (bob, "I am Bob")):
        visitor.opens_chat()
        visitor.says(text)
        expect(agent.list.get_by_role("button").first).to_contain_text(text)
    ann.says("Ann again")
    expect(agent.list.get_by_role("button").first).to_contain_text("Ann again")
    agent.opens("Ann again")
    agent.answers("Hello Ann")
    agent.opens("I am Bob")
    agent.answers("Hello Bob")
    ann.reads("Hello Ann")
    bob.reads("Hello Bob")
    assert ann.log.get_by_text("Hello Bob").count() == 0


def test_conversations_are_searched_renamed_and_walked_with_the_keyboard(browser, chip, sit_down):
    agent = sit_down()
    for text in ("apples", "pears"):
        visitor = Visitor(browser, chip)
        visitor.opens_chat()
        visitor.says(text)
        expect(agent.entry(text)).to_be_visible()
    expect(agent.list.get_by_role("button")).to_have_count(2)
    agent.page.keyboard.press("/")
    agent.page.keyboard.type("appl")
    expect(agent.list.get_by_role("button")).to_have_count(1)
    agent.page.keyboard.press("Escape")
    agent.page.keyboard.press("Enter")
    expect(agent.page.get_by_label("Reply", exact=True)).to_be_focused()
    agent.page.get_by_role("button", name="Visitor 1", exact=True).click()
    agent.page.keyboard.type("Ann")
    agent.page.keyboard.press("Enter")
    expect(agent.page.get_by_role("button", name="Ann", exact=True)).to_be_focused()
    expect(agent.list.get_by_role("button")).to_contain_text("Ann")


def test_what_a_visitor_writes_is_never_markup(visitor, sit_down):
    hostile = "<img src=x onerror=\"document.title='caught'\"> https://x.example/<b>"
    agent = sit_down()
    visitor.says(hostile)
    agent.opens("<img")
    agent.reads(hostile)
    assert agent.log.get_by_role("img").count() == 0
    assert "caught" not in agent.page.title()


def test_the_guide_is_turned_off_at_the_desk(visitor, sit_down):
    agent = sit_down()
    agent.page.get_by_role("button", name="Settings").click()
    switch = agent.page.get_by_role("switch")
    expect(switch).to_be_checked()
    switch.click()
    expect(switch).not_to_be_checked()
    agent.page.reload()
    agent.page.get_by_role("button", name="Settings").click()
    expect(switch).to_be_enabled()  # It is known how it stands.
    expect(switch).not_to_be_checked()
    agent.page.close()
    visitor.says("Hello")
    agent = sit_down()
    agent.opens("Hello")
    expect(agent.log.get_by_role("article")).to_have_count(1)


def test_the_sound_can_be_turned_off_and_stays_off(sit_down):
    agent = sit_down()
    sound = agent.page.get_by_role("button", name="Sound")
    expect(sound).to_have_attribute("aria-pressed", "true")
    sound.click()
    agent.page.reload()
    expect(sound).to_have_attribute("aria-pressed", "false")


def test_a_wrong_token_is_turned_away_and_the_right_one_can_be_typed(browser, chip):
    page = browser.person().new_page()
    assert page.goto(f"{chip.url}/desk/").status == 401
    assert page.goto(f"{chip.url}/desk/?token=wrong").status == 403
    expect(page.get_by_text("not the right one")).to_be_visible()
    page.get_by_label("Token").fill(desk_link(chip).partition("token=")[2])
    page.get_by_role("button", name="Sit down").click()
    expect(page.get_by_role("heading", name="Desk")).to_be_visible()
    expect(page).to_have_url(f"{chip.url}/desk/")
    browser.problems.clear()  # The browser complains of the 401 and the 403.


def test_the_token_does_not_stay_in_the_address(sit_down, chip):
    agent = sit_down()
    expect(agent.page).to_have_url(f"{chip.url}/desk/")


def test_leaving_the_desk_closes_it_in_this_browser(sit_down, chip, browser):
    agent = sit_down()
    agent.page.get_by_role("button", name="Settings").click()
    agent.page.get_by_role("button", name="Leave the desk").click()
    expect(agent.page.get_by_label("Token")).to_be_visible()
    browser.problems.clear()  # 401 is an error to a browser.


def test_the_front_page_gives_the_line_to_embed_and_machines_get_the_version(browser, chip):
    page = browser.page(chip.url)
    line = page.locator("#line").inner_text()
    assert re.fullmatch(
        rf'<script async src="{chip.url}/wc/widget.js" data-channel="[0-9a-f-]{{36}}"></script>',
        line,
    )
    answer = page.request.get(chip.url, headers={"Accept": "application/json"})
    assert answer.json().keys() == {"version"}


def test_on_a_phone_list_and_conversation_take_turns(visitor, sit_down):
    visitor.says("Hello")
    agent = sit_down(phone=True)
    expect(agent.page.locator("#talk")).to_be_hidden()
    agent.opens("Visitor 1")
    expect(agent.list).to_be_hidden()
    agent.answers("From my phone")
    visitor.reads("From my phone")
    agent.page.get_by_role("button", name="All conversations").click()
    expect(agent.list).to_be_visible()


def test_another_person_needs_the_token_too(browser, chip, sit_down):
    assert isinstance(sit_down(), Agent)
    stranger = browser.person().new_page()
    assert stranger.goto(f"{chip.url}/desk/").status == 401
    browser.problems.clear()
