"""What a visitor finds on opening the chat: a greeting, and what is new."""

from playwright.sync_api import expect

from tests.widget.states import much_said, refused, unknown


def test_the_greeting_stays_as_the_first_bubble(site, visit):
    widget = visit().open()
    greeting = widget.page.locator("chip-chat .greeting")
    expect(greeting).to_be_visible()

    widget.write("Hello")
    expect(widget.message("Hello")).to_contain_text("Sent")
    widget.page.reload()
    expect(widget.message("Hello")).to_be_visible()

    expect(greeting).to_be_visible()
    assert greeting.bounding_box()["y"] < widget.message("Hello").bounding_box()["y"]


def test_the_greeting_waits_until_the_first_message_is_there(site, visit):
    much_said(site)
    widget = visit().open()
    greeting = widget.page.locator("chip-chat .greeting")
    expect(widget.message("Message 59")).to_be_in_viewport()
    expect(greeting).to_be_hidden()

    for count in (50, 60):
        widget.log.evaluate("log => log.scrollTop = 0")
        expect(widget.messages).to_have_count(count)

    expect(greeting).to_be_visible()


def test_a_line_divides_what_is_new_from_what_was_seen(site, visit):
    widget = visit().open()
    site.chip.say("seen")
    expect(widget.message("seen")).to_be_visible()
    divider = widget.page.locator("chip-chat .divider")
    expect(divider).to_have_count(0)
    widget.launcher.click()
    for text in ("one", "two"):
        site.chip.say(text)
    expect(widget.badge).to_have_text("2")
    widget.open()

    expect(divider).to_have_text("New messages")
    rows = widget.page.locator("chip-chat .rows").inner_text()
    assert rows.index("seen") < rows.index("New messages") < rows.index("one")
    widget.write("Answered")
    expect(divider).to_have_count(0)


def test_a_chat_that_is_not_available_invites_nobody(site, visit):
    unknown(site)
    widget = visit()
    refused(site, widget)

    expect(widget.page.locator("chip-chat .greeting")).to_be_hidden()
    expect(widget.input).to_be_disabled()
