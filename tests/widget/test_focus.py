"""The focus goes where the visitor takes it, and stays there."""

import pytest
from playwright.sync_api import expect

from tests.support.browser import focus_on
from tests.widget.scripted_site import CHANNEL, ScriptedSite, Widget, embed
from tests.widget.states import much_said

FIELD = '<input id="name"><button id="help" onclick="Chip.toggle()">Help</button>'


@pytest.fixture
def field(visit):
    """A page on which the visitor types into a field that is not the chat's."""
    widget = visit(FIELD + embed())
    widget.field = widget.page.locator("#name")
    widget.field.press_sequentially("Bo")
    return widget


# What a page does by itself, not in answer to the visitor.
def unasked(widget, code):
    widget.page.evaluate(f"() => new Promise((done) => setTimeout(() => ({code}, done())))")


def test_a_page_that_opens_and_closes_the_chat_takes_no_focus(field):
    for code, visible in [
        ("Chip.open()", True),
        ("Chip.close()", False),
        ("Chip.toggle()", True),
        ("document.querySelector('chip-chat').close()", False),
        ("document.querySelector('chip-chat').open = true", True),
        ("document.querySelector('chip-chat').open = false", False),
        ("document.querySelector('chip-chat').setAttribute('open', '')", True),
        ("Chip.open()", True),
        ("Chip.send('Hello')", True),
    ]:
        unasked(field, code)
        expect(field.panel).to_be_visible() if visible else expect(field.panel).to_be_hidden()
        expect(field.field).to_be_focused()
    field.page.keyboard.type("b")

    expect(field.field).to_have_value("Bob")


def test_a_call_made_while_somebody_types_takes_no_focus_either(field):
    field.page.evaluate(
        "() => document.querySelector('#name').addEventListener('input', () => Chip.toggle())"
    )
    field.page.keyboard.type("b")
    expect(field.panel).to_be_visible()
    expect(field.field).to_be_focused()
    field.page.keyboard.type("!")

    expect(field.panel).to_be_hidden()
    expect(field.field).to_have_value("Bob!")


def test_a_chat_opened_by_nobody_while_the_focus_is_nowhere_has_it(visit):
    widget = visit()
    unasked(widget, "Chip.open()")

    expect(widget.input).to_be_focused()


@pytest.mark.parametrize("how", ["click", "Enter"])
def test_a_button_of_the_pages_own_takes_one_in_and_out_again(visit, how):
    widget = visit(FIELD + embed(launcher="none"))
    button = widget.page.locator("#help")
    button.click() if how == "click" else button.press(how)
    expect(widget.input).to_be_focused()

    widget.page.keyboard.press("Escape")

    expect(widget.panel).to_be_hidden()
    expect(button).to_be_focused()


def test_a_page_that_closes_the_chat_under_the_visitor_leaves_him_at_the_launcher(visit):
    widget = visit().open()
    expect(widget.input).to_be_focused()
    unasked(widget, "Chip.close()")

    expect(widget.launcher).to_be_focused()


def test_the_visitor_who_closes_the_chat_is_at_the_launcher(visit):
    widget = visit().open()
    widget.page.locator("chip-chat .close").click()

    expect(widget.launcher).to_be_focused()


def test_a_message_that_is_tried_again_leaves_the_focus_where_one_writes(site, visit):
    widget = visit().open()
    site.chip.refuse("send_msg", "rejected")
    widget.write("Hello")
    site.chip.behave("send_msg")
    button = widget.message("Hello").get_by_role("button", name="Try again")
    button.press("Enter")

    expect(widget.message("Hello")).to_contain_text("Sent")
    expect(widget.input).to_be_focused()


@pytest.mark.parametrize("how", ["it is pressed", "the line comes back"])
def test_a_button_that_is_no_longer_there_leaves_the_focus_where_one_writes(site, visit, how):
    widget = visit().open()
    site.chip.refuse("start_chat", "unavailable", retry_after=60)
    site.chip.drop()
    button = widget.banner.get_by_role("button")
    focus_on(button)
    site.chip.behave("start_chat")
    if how == "it is pressed":
        button.press("Enter")
    else:
        site.chip.drop()  # the next line is there within two seconds

    expect(widget.banner).to_be_hidden()
    expect(widget.input).to_be_focused()


def test_a_suggested_answer_that_a_message_takes_away_leaves_the_focus_beside_it(site, visit):
    widget = visit().open()
    site.chip.say("Blue or red?", quick_replies=["Blue", "Red"])
    focus_on(widget.replies.first)
    site.chip.say("Or green?", quick_replies=["Green"])

    expect(widget.replies).to_have_text(["Green"])
    expect(widget.log).to_be_focused()


def test_a_message_that_is_tried_again_on_another_page_leaves_the_focus_beside_it(site, visit):
    widget, other = visit().open(), visit().open()
    site.chip.refuse("send_msg", "rejected")
    widget.write("Hello")
    site.chip.behave("send_msg")
    widget.message("Hello").get_by_role("button", name="Try again").focus()
    other.message("Hello").get_by_role("button", name="Try again").click()

    expect(widget.message("Hello")).to_contain_text("Sent")
    expect(widget.log).to_be_focused()


def test_the_way_to_the_newest_that_is_no_longer_needed_leaves_the_focus_beside_it(site, visit):
    much_said(site)
    widget = visit().open()
    expect(widget.message("Message 59")).to_be_in_viewport()
    widget.log.evaluate("log => log.scrollTop = 500")
    way = widget.page.locator("chip-chat .pill")
    focus_on(way)
    widget.log.evaluate("log => log.scrollTop = log.scrollHeight")

    expect(way).to_be_hidden()
    expect(widget.log).to_be_focused()


def test_a_message_that_changes_places_keeps_the_focus(site, visit):
    widget, other = visit().open(), visit().open()
    site.chip.refuse("send_msg", "rejected")
    for text in ("First", "Second"):
        widget.write(text)
        expect(widget.message(text)).to_contain_text("Not sent")
    button = widget.message("Second").get_by_role("button", name="Try again")
    button.focus()
    other.message("First").get_by_role("button", name="Try again").click()

    expect(widget.messages.last).to_contain_text("First")
    expect(button).to_be_focused()


def test_a_chat_that_was_open_before_a_reload_takes_no_focus(field):
    field.open().page.reload()
    expect(field.panel).to_be_visible()

    assert field.page.evaluate("document.activeElement === document.body")


@pytest.fixture
def phone(browser):
    """The same on a phone."""
    site = ScriptedSite(browser.person(phone=True))
    widget = Widget(site.page(FIELD + embed()))
    widget.launcher.wait_for()
    widget.field = widget.page.locator("#name")
    widget.field.press_sequentially("Bo")
    return widget


def test_on_a_phone_the_chat_waits_until_one_has_typed(phone):
    unasked(phone, "Chip.open()")
    expect(phone.field).to_be_focused()
    phone.page.keyboard.type("b")
    expect(phone.field).to_have_value("Bob")
    expect(phone.panel).to_be_hidden()

    phone.field.evaluate("e => e.blur()")

    expect(phone.panel).to_be_visible()
    expect(phone.panel).to_be_focused()


def test_on_a_phone_a_chat_that_waits_can_be_called_off(phone):
    unasked(phone, "Chip.open()")
    unasked(phone, "Chip.close()")
    phone.field.evaluate("e => e.blur()")
    unasked(phone, "0")

    expect(phone.panel).to_be_hidden()


def test_on_a_phone_a_button_opens_the_chat_at_once(phone):
    phone.page.locator("#help").tap()

    expect(phone.panel).to_be_visible()
    expect(phone.panel).to_be_focused()


def test_a_window_that_becomes_small_while_one_types_elsewhere_is_not_covered(field):
    unasked(field, "Chip.open()")
    expect(field.panel).to_be_visible()
    field.page.set_viewport_size({"width": 1280, "height": 400})

    expect(field.panel).to_be_hidden()
    expect(field.field).to_be_focused()


def test_an_element_that_is_open_from_the_start_takes_no_focus(visit):
    script = embed().partition(" data-channel")[0] + "></script>"
    widget = visit(
        f'<input id="name" autofocus>{script}<chip-chat channel="{CHANNEL}" open></chip-chat>'
    )

    expect(widget.panel).to_be_visible()
    expect(widget.page.locator("#name")).to_be_focused()
