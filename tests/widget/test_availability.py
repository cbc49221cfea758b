"""When somebody answers, in the header, and the question for an e-mail while nobody does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.widget.attention import without_time
from tests.widget.axe import complaints
from tests.widget.scripted_site import FACTS, MORE, ScriptedSite, Widget, embed
from tests.widget.states import returning

ALWAYS = {"hours": "Mon-Sun 00:00-24:00", "zone": "Africa/Kigali"}
EMAIL = "bob@example.com"


def away() -> dict[str, str]:
    """Hours that begin the day after tomorrow."""
    day = datetime.now(UTC) + timedelta(days=2)
    return {"hours": f"{day:%a} 09:00-17:00", "zone": "UTC"}


def word(widget):
    return widget.page.locator("chip-chat .availability")


def question(widget):
    return widget.page.locator("chip-chat .email")


def said(widget):
    """What the question says, or the thanks."""
    return widget.page.locator("chip-chat #email-words")


def email(widget):
    return question(widget).get_by_role("textbox", name="Your e-mail")


@pytest.fixture
def asked(site, visit):
    """A visitor has written while nobody was there."""
    site.facts = away()
    widget = visit().open()
    expect(word(widget)).to_contain_text("We are away · Back ")
    expect(question(widget)).to_be_hidden()
    widget.write("Is anybody there?")
    expect(question(widget)).to_be_visible()
    return widget


def test_enter_that_chooses_a_character_leaves_no_address(site, asked):
    email(asked).fill("bob@example.com")
    email(asked).dispatch_event("keydown", {"key": "Enter", "keyCode": 229})

    expect(email(asked)).to_be_visible()
    assert site.chip.commands("set_email") == []


# The word.


def test_nothing_is_asked_before_the_visitor_opens_the_chat(site, visit):
    widget = visit()
    expect(widget.launcher).to_be_visible()
    assert [url for url in site.requests if url in (FACTS, MORE)] == []
    widget.open()
    widget.until(lambda: FACTS in site.requests, "the question when somebody answers")


def test_where_nothing_is_known_nothing_is_said_and_no_more_is_loaded(site, visit):
    widget = visit().open()
    widget.until(lambda: FACTS in site.requests, "the question when somebody answers")
    widget.write("Hello")
    expect(widget.message("Hello")).to_contain_text("Sent")
    expect(word(widget)).to_have_count(0)
    assert MORE not in site.requests


def test_what_the_server_knows_is_said(site, visit):
    site.facts = ALWAYS | {"available": "The workshop is open", "usually": 300}
    widget = visit().open()
    expect(word(widget)).to_have_text("The workshop is open · Usually answers in a few minutes")


def test_what_the_page_says_wins(site, visit):
    site.facts = ALWAYS | {"available": "The workshop is open", "usually": 300}
    widget = visit(embed(available="Come in", usually="7200")).open()
    expect(word(widget)).to_have_text("Come in · Usually answers in a few hours")


def test_with_rapidpro_the_attributes_say_all_of_it(site, visit):
    widget = visit(embed(**away(), away="The workshop is closed")).open()
    expect(word(widget)).to_contain_text("The workshop is closed · Back ")


def test_it_is_said_in_the_visitors_language(site, visit):
    site.facts = ALWAYS | {"usually": 300}
    without_time(site)
    widget = visit(lang="sw").open()
    expect(word(widget)).to_have_text(
        "Tuko wazi sasa · Kwa kawaida tunajibu ndani ya dakika chache"
    )


def test_attributes_that_change_are_followed(site, visit):
    site.facts = ALWAYS
    widget = visit().open()
    expect(word(widget)).to_have_text("Open now")
    widget.host.evaluate("e => e.setAttribute('available', 'Come in')")
    expect(word(widget)).to_have_text("Come in")


@pytest.mark.parametrize(
    ("wrong", "warning"),
    [
        ({"hours": "9 to 5", "zone": "UTC"}, "is not like “Mon-Fri 09:00-17:00”"),
        ({"hours": "Mon 09:00-17:00"}, 'zone="" say nothing'),
        ({"usually": "soon"}, 'usually="soon" says nothing: it is a number of seconds'),
    ],
)
def test_what_says_nothing_is_warned_of_once(site, visit, wrong, warning):
    warned = []
    site.context.on("console", lambda line: warned.append(line.text))
    widget = visit(embed(**wrong)).open()
    widget.write("Hello")
    expect(widget.message("Hello")).to_contain_text("Sent")
    widget.until(lambda: warned, "a warning")
    [line] = warned
    assert warning in line
    expect(word(widget)).to_be_hidden()


@pytest.mark.parametrize("answer", ["null", "[]", "nonsense", '{"hours":7}', '{"hours":{}}'])
def test_a_server_that_knows_no_such_question_stops_no_chat(site, visit, answer):
    site.context.route(FACTS, lambda route: route.fulfill(body=answer))
    widget = visit().open()
    widget.write("Hello")
    expect(widget.message("Hello")).to_contain_text("Sent")
    expect(word(widget)).to_be_hidden()


# The question.


def test_an_e_mail_that_is_left_is_told_and_confirmed(site, asked):
    email(asked).fill(f" {EMAIL} ")
    email(asked).press("Enter")
    expect(said(asked)).to_have_text(f"Thank you. We can reach you at {EMAIL}.")
    assert site.chip.commands("set_email") == [{"type": "set_email", "email": EMAIL}]
    assert asked.input.evaluate("e => e.getRootNode().activeElement === e")


def test_an_e_mail_is_confirmed_once_the_server_could_be_told(site, asked):
    site.chip.ignore("start_chat")
    site.chip.drop()
    asked.until(lambda: asked.host.evaluate("e => e.state") != "online", "the line to be lost")
    email(asked).fill(EMAIL)
    asked.page.get_by_role("button", name="Leave e-mail").click()
    expect(said(asked)).to_have_text("Sending…")
    site.chip.behave("start_chat")
    site.chip.drop()
    expect(said(asked)).to_have_text(f"Thank you. We can reach you at {EMAIL}.")
    assert site.chip.commands("set_email") == [{"type": "set_email", "email": EMAIL}]


def test_an_e_mail_that_a_reload_overtook_is_asked_for_again(site, asked):
    site.chip.ignore("start_chat")
    site.chip.drop()
    asked.until(lambda: asked.host.evaluate("e => e.state") != "online", "the line to be lost")
    email(asked).fill(EMAIL)
    email(asked).press("Enter")
    expect(said(asked)).to_have_text("Sending…")
    site.chip.behave("start_chat")
    asked.page.reload()
    asked.write("Still here")
    expect(question(asked)).to_be_visible()
    email(asked).fill(EMAIL)
    email(asked).press("Enter")
    expect(said(asked)).to_have_text(f"Thank you. We can reach you at {EMAIL}.")
    asked.page.reload()
    expect(word(asked)).to_contain_text("We are away")
    asked.write("Is anybody there now?")
    expect(asked.message("Is anybody there now?")).to_contain_text("Sent")
    expect(question(asked)).to_be_hidden()


def test_who_has_declined_is_not_asked_again(site, asked):
    asked.page.get_by_role("button", name="No, thanks").click()
    expect(question(asked)).to_be_hidden()
    asked.page.reload()
    expect(word(asked)).to_contain_text("We are away")
    asked.write("Still here")
    expect(asked.message("Still here")).to_contain_text("Sent")
    expect(question(asked)).to_be_hidden()
    assert site.chip.commands("set_email") == []


@pytest.mark.parametrize("left", [True, False])
def test_whoever_comes_after_the_chat_was_forgotten_sees_no_address_and_is_asked(site, asked, left):
    email(asked).fill(EMAIL)
    if left:
        email(asked).press("Enter")
        expect(said(asked)).to_contain_text(EMAIL)
    Widget(site.page()).open().page.evaluate("Chip.destroy({ forget: true })")
    expect(question(asked)).to_be_hidden()
    expect(said(asked)).not_to_contain_text(EMAIL)
    asked.write("Is anybody there?")
    expect(email(asked)).to_be_visible()
    expect(email(asked)).to_have_value("")


@pytest.mark.parametrize("wrong", ["", "bob", "bob@", "bob at example.com"])
def test_what_is_no_address_is_said_at_once(site, asked, wrong):
    email(asked).fill(wrong)
    email(asked).press("Enter")
    expect(question(asked).get_by_role("alert")).to_have_text("Please check this address.")
    expect(email(asked)).to_be_focused()
    assert site.chip.commands("set_email") == []


def test_what_the_server_refuses_is_asked_for_again(site, asked):
    site.chip.refuse("set_email", "invalid_command")
    email(asked).fill(EMAIL)
    email(asked).press("Enter")
    expect(question(asked).get_by_role("alert")).to_have_text("Please check this address.")
    site.chip.ignore("set_email")
    email(asked).fill("ann@example.com")
    email(asked).press("Enter")
    expect(said(asked)).to_have_text("Thank you. We can reach you at ann@example.com.")


def test_who_is_known_by_e_mail_is_not_asked(site, visit):
    site.facts = away()
    widget = visit(embed(email=EMAIL)).open()
    expect(word(widget)).to_contain_text("We are away")
    widget.write("Hello")
    expect(widget.message("Hello")).to_contain_text("Sent")
    expect(question(widget)).to_be_hidden()


def test_whose_e_mail_the_server_knows_is_not_asked(site, visit):
    returning(site)
    site.chip.answers["start_chat"] = lambda ws, command: site.chip.tell(
        ws, type="chat_resumed", chat_id=command["chat_id"], email=EMAIL
    )
    site.facts = away()
    widget = visit().open()
    widget.write("Hello")
    expect(widget.message("Hello")).to_contain_text("Sent")
    expect(word(widget)).to_contain_text("We are away")
    expect(question(widget)).to_be_hidden()


def test_within_the_hours_nobody_is_asked(site, visit):
    site.facts = ALWAYS
    widget = visit().open()
    expect(word(widget)).to_have_text("Open now")
    widget.write("Hello")
    expect(widget.message("Hello")).to_contain_text("Sent")
    expect(question(widget)).to_be_hidden()


def test_it_can_be_answered_in_a_sandbox_and_under_a_strict_policy(browser):
    policy = (
        "default-src 'none'; script-src https://chat.example.org;"
        " connect-src https://chat.example.org wss://chat.example.org;"
        " img-src data:; sandbox allow-scripts allow-same-origin"
    )
    site = ScriptedSite(browser.person(), csp=policy)
    site.facts = away()
    widget = Widget(site.page()).open()
    widget.write("Hello")
    email(widget).fill(EMAIL)
    email(widget).press("Enter")
    expect(said(widget)).to_contain_text("Thank you")
    background = "e => getComputedStyle(e).backgroundColor"
    assert question(widget).evaluate(background) != "rgba(0, 0, 0, 0)"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_question_is_accessible(browser, dark):
    site = ScriptedSite(browser.person(dark=dark))
    site.facts = away()
    widget = Widget(site.page()).open()
    widget.write("Hello")
    expect(question(widget)).to_be_visible()
    email(widget).fill("bob")
    email(widget).press("Enter")
    expect(question(widget).get_by_role("alert")).to_be_visible()
    assert complaints(widget.page) == []
