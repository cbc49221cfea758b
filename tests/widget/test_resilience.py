"""What the widget says and does when the line or the server fails, each fault by script."""

import pytest
from playwright.sync_api import expect

from tests.widget.attention import stop_clock
from tests.widget.scripted_site import CHANNEL, Widget
from tests.widget.states import CHAT, blocked_storage, returning

AWAY = {"start_chat": lambda ws, _: ws.close(code=1012)}


@pytest.fixture
def begun(site):
    """A widget whose chat is open and going, on a page whose clock the test turns."""
    site.context.clock.install()
    widget = Widget(site.page()).open()
    widget.write("Hello")
    expect(widget.message("Hello")).to_contain_text("Sent")
    return widget


def waits(site, widget):
    """Break the line; stop the page's clock while it waits for another attempt."""
    site.chip.answers.update(AWAY)
    site.chip.drop()
    widget.page.clock.run_for(10_000)
    stop_clock(widget.page)
    widget.page.wait_for_function("document.querySelector('chip-chat').state === 'waiting'")


def test_a_short_break_is_nobodys_business(site, begun):
    site.chip.drop()
    begun.page.clock.run_for(2000)
    begun.write("Still here")

    expect(begun.message("Still here")).to_contain_text("Sent")
    expect(begun.banner).to_be_hidden()
    assert [text for _, text in site.chip.accepted] == ["Hello", "Still here"]


def test_a_longer_break_is_told_with_what_will_happen(site, begun):
    site.chip.answers.update(AWAY)
    site.chip.drop()
    begun.page.clock.run_for(3500)

    expect(begun.banner).to_contain_text(
        "No connection. Your messages will be sent once it is back."
    )
    site.chip.behave("start_chat")
    begun.page.clock.run_for(31_000)
    expect(begun.banner).to_be_hidden()


def test_what_is_written_meanwhile_goes_out_in_order(site, begun):
    stop_clock(begun.page)
    site.chip.answers.update(AWAY)
    site.chip.drop()
    for text in ("One", "Two", "Three"):
        begun.write(text)
    expect(begun.message("Three")).to_contain_text("Waiting to be sent")
    site.chip.behave("start_chat")
    begun.page.clock.run_for(1000)

    expect(begun.message("Three")).to_contain_text("Sent")
    assert [text for _, text in site.chip.accepted] == ["Hello", "One", "Two", "Three"]


def test_the_visitor_can_have_it_tried_at_once(site, begun):
    waits(site, begun)
    button = begun.banner.get_by_role("button", name="Try now")
    expect(button).to_be_visible()
    site.chip.behave("start_chat")
    button.click()

    expect(begun.banner).to_be_hidden()


def test_looking_at_the_page_ends_the_waiting(site, begun):
    waits(site, begun)
    site.chip.behave("start_chat")
    before = len(site.chip.commands("start_chat"))
    begun.page.evaluate("dispatchEvent(new Event('online'))")

    expect(begun.banner).to_be_hidden()
    assert len(site.chip.commands("start_chat")) == before + 1


LOOKS = {
    "the network is there again": ("dispatchEvent(new Event('online'))", 1),
    "the window has the focus": ("dispatchEvent(new Event('focus'))", 1),
    "the page is in view": ("document.dispatchEvent(new Event('visibilitychange'))", 1),
    "the page is out of view": (
        "Object.defineProperty(document, 'visibilityState', { value: 'hidden' });"
        "document.dispatchEvent(new Event('visibilitychange'))",
        0,
    ),
}


@pytest.mark.parametrize(("look", "attempts"), LOOKS.values(), ids=LOOKS)
def test_a_waiting_line_is_tried_in_the_same_moment(site, begun, look, attempts):
    waits(site, begun)
    made = begun.page.evaluate(
        f"""() => {{
          let made = 0;
          window.WebSocket = class {{ constructor() {{ made++; }} close() {{}} }};
          {look};
          return made;
        }}"""
    )

    assert made == attempts


def test_a_line_that_does_not_answer_is_replaced(site, begun):
    site.chip.ignore("ping")
    begun.page.clock.run_for(20_000)
    begun.page.clock.run_for(8_000)
    begun.page.clock.run_for(1_000)
    begun.write("Over the new line")

    expect(begun.message("Over the new line")).to_contain_text("Sent")
    assert len(site.chip.commands("start_chat")) == 2


def test_a_message_that_is_refused_can_be_tried_again(site, begun):
    site.chip.refuse("send_msg", "rejected")
    begun.write("Difficult")
    message = begun.message("Difficult")
    expect(message).to_contain_text("Not sent")
    site.chip.behave("send_msg")
    message.get_by_role("button", name="Try again").click()

    expect(message).to_contain_text("Sent")
    refs = {one["ref"] for one in site.chip.commands("send_msg") if one["text"] == "Difficult"}
    assert len(refs) == 1


def test_a_message_that_is_refused_can_be_deleted(site, begun):
    site.chip.refuse("send_msg", "rejected")
    begun.write("Difficult")
    begun.message("Difficult").get_by_role("button", name="Delete").click()

    expect(begun.message("Difficult")).to_have_count(0)
    expect(begun.input).to_be_focused()
    begun.page.reload()
    expect(begun.message("Hello")).to_be_visible()
    expect(begun.message("Difficult")).to_have_count(0)


def test_a_server_that_takes_no_messages_now_gets_them_later(site, begun):
    stop_clock(begun.page)
    site.chip.refuse("send_msg", "unavailable", retry_after=20)
    begun.write("Later")
    expect(begun.message("Later")).to_contain_text("Waiting to be sent")
    begun.page.clock.run_for(4000)
    expect(begun.banner).to_contain_text("will be sent as soon as possible")
    expect(begun.banner).to_contain_text("Next try in 16 seconds")
    site.chip.behave("send_msg")
    begun.page.clock.run_for(16_000)

    expect(begun.message("Later")).to_contain_text("Sent")
    expect(begun.banner).to_be_hidden()


def test_a_chat_that_cannot_start_yet_is_told_and_started_later(site):
    site.context.clock.install()
    site.chip.refuse("start_chat", "unavailable", retry_after=10)
    widget = Widget(site.page()).open(online=False)
    widget.write("First words")
    widget.page.clock.run_for(4000)
    expect(widget.banner).to_contain_text("will be sent as soon as possible")
    site.chip.behave("start_chat")
    widget.page.clock.run_for(6000)

    expect(widget.message("First words")).to_contain_text("Sent")
    assert len(site.chip.known) == 1


def test_a_page_that_newer_ones_replaced_waits_to_be_looked_at(site, begun):
    site.chip.drop(4409)
    expect(begun.banner).to_contain_text("You are chatting in another window.")
    begun.page.clock.run_for(120_000)
    assert len(site.chip.commands("start_chat")) == 1
    begun.banner.get_by_role("button", name="Chat here").click()

    expect(begun.banner).to_be_hidden()
    assert len(site.chip.commands("start_chat")) == 2


def test_a_resync_brings_what_another_page_acknowledged(site, begun):
    site.chip.remember("msg_out", "Missed")
    site.chip.tell_all(type="resync")

    expect(begun.message("Missed")).to_be_visible()


def test_a_message_that_comes_again_is_acknowledged_and_shown_once(site, begun):
    said = site.chip.say("Once", uuid="0191e180-7d60-7000-aded-7d8b151cbd5b")
    site.chip.tell_all(type="chat_out", msg_out=said)
    site.chip.say("Then")
    expect(begun.message("Then")).to_be_visible()

    expect(begun.message("Once")).to_have_count(1)
    begun.until(lambda: len(site.chip.commands("ack_chat")) == 3, "all is acknowledged")
    acks = [one["msg_id"] for one in site.chip.commands("ack_chat")]
    assert acks == [said["id"], said["id"], said["id"] + 1]


def test_a_history_that_cannot_be_had_is_told_and_asked_for_again(site):
    site.context.clock.install()
    returning(site)
    site.chip.remember("msg_out", "Long ago")
    site.chip.refuse("get_history", "unavailable", retry_after=5)
    widget = Widget(site.page()).open()
    expect(widget.log).to_contain_text("be loaded now. Trying again")
    site.chip.behave("get_history")
    widget.page.clock.run_for(5000)

    expect(widget.message("Long ago")).to_be_visible()
    expect(widget.log).not_to_contain_text("Trying again")


def test_storage_that_is_forbidden_does_not_forbid_the_chat(site):
    blocked_storage(site)
    widget = Widget(site.page()).open()
    widget.write("Hello")
    expect(widget.message("Hello")).to_contain_text("Sent")
    site.chip.drop()
    site.chip.say("Nobody hears this live")
    widget.page.evaluate("dispatchEvent(new Event('online'))")

    expect(widget.message("Nobody hears")).to_be_visible()
    assert len(site.chip.known) == 1


def test_storage_that_is_full_does_not_stop_the_chat(site, visit):
    widget = visit()
    widget.page.evaluate(
        """() => {
          Storage.prototype.setItem = () => { throw new DOMException("", "QuotaExceededError") };
        }"""
    )
    widget.open()
    widget.write("Hello")

    expect(widget.message("Hello")).to_contain_text("Sent")


def test_nothing_is_stored_before_the_visitor_does_something(visit):
    widget = visit()
    stored = "[...Object.keys(localStorage), ...Object.keys(sessionStorage), document.cookie]"
    assert widget.page.evaluate(stored) == [""]

    widget.open()
    widget.online()

    keys = widget.page.evaluate(stored)
    assert keys.pop() == ""
    assert keys == [f"chip:{CHANNEL}:chat", f"chip:{CHANNEL}:open"]


def test_a_chat_that_the_server_forgot_begins_anew(site):
    returning(site)
    site.chip.known.clear()
    widget = Widget(site.page()).open()
    widget.write("Hello again")

    expect(widget.message("Hello again")).to_contain_text("Sent")
    assert CHAT not in site.chip.known


def test_what_is_unread_is_counted_on_the_next_page_too(site, visit):
    widget = visit().open()
    widget.write("Hello")
    expect(widget.message("Hello")).to_contain_text("Sent")
    widget.panel.locator(".close").click()
    for number in range(60):
        site.chip.say(f"Message {number}")
    expect(widget.badge).to_have_text("60")
    widget.page.reload()

    expect(widget.badge).to_have_text("60")


def test_no_more_is_fetched_than_the_badge_counts(site, visit):
    widget = visit().open()
    widget.panel.locator(".close").click()
    for number in range(160):
        site.chip.remember("msg_out", f"Message {number}")
    widget.page.reload()

    expect(widget.badge).to_have_text("99+")
    widget.online()
    assert len(site.chip.commands("get_history")) == 1 + 4
