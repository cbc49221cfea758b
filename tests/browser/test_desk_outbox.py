"""Replies at the desk: none is lost, none is sent twice, whatever happens on the way."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.pages import Held, Visitor, could_not_be_sent

# Milliseconds: half of FIRST_WAIT in sender.js.
SOONEST_RETRY = 500
REPLIES = "**/desk/api/conversations/*/messages"


@pytest.fixture
def patient(agent):
    """The same, at a desk that never tries again by itself: not between a look and a click."""
    agent.page.add_init_script(
        "const later = setTimeout;"
        f"window.setTimeout = (run, wait) => wait < {SOONEST_RETRY} ? later(run, wait) : 0"
    )
    agent.page.reload()
    agent.is_connected()  # Being connected is a reason to try again.
    agent.reads("hello")
    return agent


def is_cut_off(agent, browser) -> None:
    """Nothing that the agent sends arrives."""
    agent.page.route(REPLIES, lambda route: route.abort())


def can_send_again(agent, browser) -> None:
    """It does again."""
    agent.page.unroute(REPLIES)
    browser.problems.clear()  # A request that fails makes browsers complain.


def test_a_reply_whose_answer_was_lost_is_there_once(agent, visitor, browser):
    def lose_the_answer(route):
        route.fetch()
        route.abort()

    agent.page.route(REPLIES, lose_the_answer, times=1)
    agent.answers("only once")
    agent.sees_state("only once", "Delivered")
    expect(agent.page.get_by_label("Reply", exact=True)).to_have_value("")
    agent.answers("and the next")
    visitor.sees_in_order("only once", "and the next")
    visitor.reads("only once")
    agent.reads("only once")
    browser.problems.clear()


def test_an_answer_that_is_not_chips_confirms_nothing(agent, visitor, browser):
    agent.page.route(REPLIES, lambda route: route.fulfill(body="<p>Sign in</p>"), times=1)
    agent.answers("only once")
    visitor.reads("only once")
    agent.reads("only once")
    browser.problems.clear()


def test_replies_wait_for_the_connection_over_a_reload_and_go_in_order(patient, visitor, browser):
    is_cut_off(patient, browser)
    for text in ("one", "two", "three"):
        patient.answers(text)
    patient.sees_state("one", "Not sent yet")
    patient.page.reload()
    for text in ("one", "two", "three"):
        patient.reads(text)
    can_send_again(patient, browser)
    patient.page.reload()
    visitor.sees_in_order("one", "two", "three")
    for text in ("one", "two", "three"):
        patient.reads(text)
        patient.sees_state(text, "Delivered")
    browser.problems.clear()  # An attempt may have been under way.


def test_a_reply_that_fails_after_one_went_elsewhere_stays_where_it_was_written(
    patient, visitor, browser, chip
):
    other = Visitor(browser, chip)
    other.opens_chat()
    other.says("somebody else")
    is_cut_off(patient, browser)
    patient.answers("for the first")
    patient.opens("somebody else")
    expect(patient.log.get_by_text("for the first")).to_have_count(0)
    patient.opens("hello")
    patient.sees_state("for the first", "Not sent yet")
    can_send_again(patient, browser)
    patient.log.get_by_role("button", name="Try again").click()
    visitor.reads("for the first")


def test_a_refused_reply_says_so_and_can_be_sent_again_or_edited(agent, visitor, browser):
    wire = {"error": "error reading request: Expected `str`"}
    agent.page.route(REPLIES, lambda route: route.fulfill(status=400, json=wire))
    for text in ("first", "second"):
        agent.answers(text, quick_replies=("Yes",))
        agent.sees_state(text, "Not sent: Chip does not take it as it is.")
    can_send_again(agent, browser)
    second = agent.log.get_by_role("article").filter(has_text="second")
    second.get_by_role("button", name="Edit").click()
    box = agent.page.get_by_label("Reply", exact=True)
    expect(box).to_have_value("second")
    expect(agent.page.get_by_role("textbox", name="Quick reply")).to_have_value("Yes")
    expect(second).to_have_count(0)
    agent.log.get_by_role("button", name="Try again").click()
    visitor.reads("first")


def test_trying_again_twice_what_chip_could_not_send_is_no_trouble(agent, visitor, chip, browser):
    agent.answers("once more")
    agent.sees_state("once more", "Delivered")
    could_not_be_sent(agent, chip, "once more")
    agent.sees_state("once more", "Not sent")
    late = Held(agent.page, "**/retry")
    button = agent.log.get_by_role("button", name="Try again")
    button.click()
    button.click()
    late.are_answered(2)
    late.come()
    assert agent.banner.is_hidden()
    agent.sees_state("once more", "Delivered")
    browser.problems.clear()  # 404 is an error to a browser.


def test_a_quick_reply_of_nothing_that_can_be_read_is_none(agent, visitor):
    agent.page.get_by_role("button", name="Add a quick reply").click()
    field = agent.page.get_by_role("textbox", name="Quick reply")
    field.evaluate("field => (field.value = '\\u0001')")
    agent.answers("Shall we?")
    agent.sees_state("Shall we?", "Delivered")
    visitor.reads("Shall we?")
    expect(agent.log.locator(".chip")).to_have_count(0)


def test_half_a_character_in_a_quick_reply_keeps_no_reply_back(agent, visitor):
    agent.page.get_by_role("button", name="Add a quick reply").click()
    field = agent.page.get_by_role("textbox", name="Quick reply")
    field.evaluate("field => (field.value = 'Yes\\ud83d')")
    agent.answers("Shall we?")
    agent.sees_state("Shall we?", "Delivered")
    visitor.chooses("Yes\ufffd")


def test_drafts_survive_a_switch_and_a_reload(agent, browser, chip):
    other = Visitor(browser, chip)
    other.opens_chat()
    other.says("somebody else")
    box = agent.page.get_by_label("Reply", exact=True)
    box.fill("half a sent")
    agent.page.get_by_role("button", name="Add a quick reply").click()
    agent.page.get_by_role("textbox", name="Quick reply").fill("May")
    agent.opens("somebody else")
    expect(box).to_have_value("")
    box.fill("another")
    agent.page.reload()
    expect(box).to_have_value("another")
    agent.opens("hello")
    expect(box).to_have_value("half a sent")
    expect(agent.page.get_by_role("textbox", name="Quick reply")).to_have_value("May")


def test_without_storage_replies_wait_as_well(patient, visitor, browser):
    patient.page.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new Error('refused'); } })"
    )
    patient.page.reload()
    patient.is_connected()
    patient.reads("hello")
    is_cut_off(patient, browser)
    patient.answers("kept by the page")
    patient.sees_state("kept by the page", "Not sent yet")
    can_send_again(patient, browser)
    patient.log.get_by_role("button", name="Try again").click()
    visitor.reads("kept by the page")


def test_the_desk_tries_again_by_itself(agent, visitor, browser):
    is_cut_off(agent, browser)
    agent.answers("on its way")
    agent.sees_state("on its way", "Not sent yet")
    can_send_again(agent, browser)
    visitor.reads("on its way")
    browser.problems.clear()  # It may have tried in vain more than once.


def words_kept(agent) -> str:
    """All that the desk has in this browser's storage."""
    return agent.page.evaluate("() => JSON.stringify({ ...localStorage })")


def leave_the_desk(agent, answer: str = "accept") -> list[str]:
    """Say so to whatever one is asked; what that was."""
    asked: list[str] = []

    def say(dialog) -> None:
        asked.append(dialog.message)
        getattr(dialog, answer)()

    agent.page.once("dialog", say)
    agent.page.get_by_role("button", name="Settings").click()
    agent.page.get_by_role("button", name="Leave the desk").click()
    return asked


def test_nobody_leaves_a_draft_behind_unasked(agent):
    draft = agent.page.get_by_label("Reply", exact=True)
    draft.fill("half an answer")
    asked = leave_the_desk(agent, "dismiss")
    assert asked == ["Some replies or drafts are not sent yet. Leave the desk, and drop them?"]
    expect(draft).to_have_value("half an answer")
    agent.page.reload()
    expect(draft).to_have_value("half an answer")


def test_whoever_leaves_the_desk_leaves_no_words_behind(agent, browser):
    agent.page.get_by_label("Reply", exact=True).fill("a secret")
    assert "a secret" in words_kept(agent)
    leave_the_desk(agent)
    expect(agent.page.get_by_label("Token")).to_be_visible()
    assert "a secret" not in words_kept(agent)
    browser.problems.clear()  # 401 is an error to a browser.


def is_lost(route) -> None:
    """The server has heard it, and its answer never arrives."""
    route.fetch()
    route.abort()


def is_an_error(route) -> None:
    """The server could not write it down; the session is over all the same."""
    route.fetch()
    route.fulfill(status=503, json={"error": "the database is not available"})


@pytest.mark.parametrize("answer", [is_lost, is_an_error])
def test_nor_does_it_take_an_answer_to_leave_no_words_behind(agent, browser, answer):
    agent.page.get_by_label("Reply", exact=True).fill("a secret")
    agent.page.route("**/desk/logout", answer)
    leave_the_desk(agent)
    expect(agent.page.get_by_label("Token")).to_be_visible()
    assert "a secret" not in words_kept(agent)
    browser.problems.clear()


def test_nor_do_replies_that_are_dropped_stay_where_one_cannot_leave(patient, browser):
    is_cut_off(patient, browser)
    patient.answers("a secret")
    patient.sees_state("a secret", "Not sent yet")
    patient.page.route("**/desk/logout", lambda route: route.abort())
    leave_the_desk(patient)
    expect(patient.banner).to_contain_text("That did not work")
    expect(patient.log.get_by_text("a secret")).to_have_count(0)
    assert "a secret" not in words_kept(patient)
    browser.problems.clear()
