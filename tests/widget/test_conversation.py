"""What a conversation looks like, and that nothing anybody writes can do more than be read."""

import re

from playwright.sync_api import expect

from tests.widget.hostile import HOSTILE
from tests.widget.scripted_site import SERVER, SITE
from tests.widget.states import ANN, BOB, much_said, talk


def test_a_chat_starts_when_the_visitor_opens_it_and_not_before(site, visit):
    widget = visit()
    assert site.chip.heard == []

    widget.open()

    expect(widget.log).to_contain_text("Hello! How can we help?")
    expect(widget.input).to_be_focused()
    assert site.chip.commands("start_chat") == [{"type": "start_chat"}]


def test_a_question_and_its_answer(site, visit):
    widget = visit().open()

    widget.write("Where is my order?")
    expect(widget.message("Where is my order?")).to_contain_text("Sent")
    site.chip.say("On its way!", user=BOB)

    expect(widget.message("On its way!")).to_have_attribute(
        "aria-label", re.compile(r"^Bob McTickets, \d")
    )
    assert widget.texts() == ["Where is my order?", "On its way!"]
    widget.until(lambda: site.chip.commands("ack_chat"), "the answer is acknowledged")
    assert site.chip.commands("ack_chat") == [{"type": "ack_chat", "msg_id": 102}]


def test_a_chat_is_resumed_on_the_next_page_with_everything_said(site, visit):
    widget = visit().open()
    widget.write("Where is my order?")
    expect(widget.message("Where is my order?")).to_contain_text("Sent")
    site.chip.say("On its way!")
    expect(widget.message("On its way!")).to_be_visible()

    widget.page.reload()

    expect(widget.panel).to_be_visible()
    expect(widget.bubbles).to_have_text(["Where is my order?", "On its way!"])
    assert site.chip.commands("start_chat")[-1]["chat_id"] in site.chip.known


def test_what_was_not_sent_yet_is_still_there_after_a_reload(visit):
    widget = visit().open()
    widget.input.fill("Half a thou")

    widget.page.reload()

    expect(widget.input).to_have_value("Half a thou")


def test_a_name_and_a_face_stand_over_each_run(site, visit):
    widget = visit().open()
    widget.online()
    for text, user in [("One", BOB), ("Two", BOB), ("Three", ANN), ("Four", None)]:
        site.chip.say(text, **({"user": user} if user else {}))
    expect(widget.messages).to_have_count(4)

    senders = widget.page.locator("chip-chat .sender")
    expect(senders).to_have_text(["Bob McTickets", re.compile("Ann Uwase")])
    expect(senders.nth(0).locator("img")).to_have_attribute("src", f"{SITE}/bob.svg")
    expect(senders.nth(1).locator(".avatar")).to_have_text("A")


def test_days_stand_between_messages_in_the_visitors_words(site, visit):
    site.chip.remember("msg_out", "Old", time="2019-03-01T08:00:00Z")
    site.chip.remember("msg_out", "Newer", time="2026-05-03T08:00:00Z")
    site.chip.remember("msg_in", "Same day", time="2026-05-03T08:05:00Z")
    site.context.clock.set_fixed_time("2026-05-04T12:00:00Z")
    widget = visit().open()
    widget.write("Now")
    expect(widget.message("Now")).to_contain_text("Sent")

    days = widget.page.locator("chip-chat .day").all_inner_texts()
    assert days == ["1 March 2019", "Yesterday", "Today"]


LINKS = {
    "see https://a.example/b?c=d#e.": ["https://a.example/b?c=d#e"],
    "(http://a.example/x_(y))": ["http://a.example/x_(y)"],
    "www.a.example, then": ["https://www.a.example/"],
    "mail bob@a.example!": ["mailto:bob@a.example"],
    "mailto:bob@a.example": ["mailto:bob@a.example"],
    "call +250 788 123 456 now": ["tel:+250788123456"],
    "tel:+250788123456": ["tel:+250788123456"],
    "انظر https://a.example/b؟": ["https://a.example/b"],
    "http://one.example or http://two.example": ["http://one.example/", "http://two.example/"],
    "javascript:alert(1) data:text/html,x file:///etc/passwd ftp://a.example": [],
    "1234567 or 3.14159 or a.b.c": [],
}


def test_addresses_become_links_that_leave_the_page_alone(site, visit):
    widget = visit().open()
    for text in LINKS:
        site.chip.say(text)
    expect(widget.bubbles).to_have_text(list(LINKS))

    links = widget.bubbles.evaluate_all(
        "all => all.map(b => [...b.querySelectorAll('a')].map(a => a.getAttribute('href')))"
    )
    assert dict(zip(LINKS, links, strict=True)) == LINKS
    for link in widget.bubbles.locator("a").all():
        assert link.get_attribute("rel") == "noopener noreferrer nofollow"
        assert link.get_attribute("target") == "_blank"


def test_line_breaks_stay_and_a_few_emoji_are_big(site, visit):
    widget = visit().open()
    site.chip.say("one\ntwo")
    site.chip.say("😍👍🏽")
    site.chip.say("fine 👍")

    expect(widget.messages).to_have_count(3)
    assert widget.texts()[0] == "one\ntwo"
    sizes = widget.bubbles.evaluate_all(
        "all => all.map(b => parseInt(getComputedStyle(b).fontSize))"
    )
    assert sizes[1] > 30 > sizes[0] == sizes[2]


def test_each_message_has_the_direction_of_its_text(site, visit):
    widget = visit().open()
    site.chip.say("مرحبا بك")
    site.chip.say("welcome")
    expect(widget.messages).to_have_count(2)

    texts = widget.page.locator("chip-chat .bubble > *")
    directions = texts.evaluate_all("all => all.map(text => getComputedStyle(text).direction)")
    assert directions == ["rtl", "ltr"]


def test_attachments_are_shown_as_what_they_are(site, visit):
    widget = visit().open()
    site.chip.say(
        "Look",
        attachments=[
            f"image/png:{SITE}/parcel.svg",
            f"audio/mp3:{SITE}/word.mp3",
            f"video/mp4:{SITE}/film.mp4",
            f"application/pdf:{SITE}/my%20invoice.pdf",
            "geo:-1.95,30.06",
            "image/png:javascript:alert(1)",
        ],
    )
    message = widget.message("Look")

    expect(message.get_by_role("button", name="View image: parcel.svg")).to_be_visible()
    expect(message.locator("audio")).to_have_attribute("src", f"{SITE}/word.mp3")
    expect(message.locator("video")).to_have_attribute("src", f"{SITE}/film.mp4")
    expect(message.get_by_role("link", name="my invoice.pdf")).to_have_attribute(
        "href", f"{SITE}/my%20invoice.pdf"
    )
    expect(message).to_contain_text("Location -1.95,30.06")
    expect(message.locator("[src^='javascript'], [href^='javascript']")).to_have_count(0)


def test_a_picture_opens_large_and_escape_closes_only_it(site, visit):
    widget = visit().open()
    site.chip.say("Look", attachments=[f"image/png:{SITE}/parcel.svg"])
    picture = widget.page.get_by_role("button", name="View image: parcel.svg")
    picture.click()
    large = widget.page.get_by_role("dialog", name="parcel.svg")
    expect(large.get_by_role("button", name="Close image")).to_be_focused()

    widget.page.keyboard.press("Escape")

    expect(large).to_have_count(0)
    expect(widget.panel).to_be_visible()
    expect(picture).to_be_focused()


def test_a_picture_that_is_pressed_twice_opens_once(site, visit):
    talk(site)
    widget = visit().open()
    pictures = widget.page.locator("chip-chat .lightbox")
    widget.page.evaluate(
        """() => {
          const picture = document.querySelector("chip-chat").shadowRoot.querySelector(".picture");
          for (let times = 0; times < 2; times++) picture.click();
        }"""
    )
    expect(pictures).to_be_visible()
    # Both clicks have had the file by then.
    widget.page.evaluate(f"async () => {{ await import('{SERVER}/wc/widget/lightbox.js'); }}")
    expect(pictures).to_have_count(1)


def test_a_picture_opens_elsewhere_where_nothing_can_show_it_here(site, visit, browser):
    site.context.route(f"{SERVER}/wc/widget/lightbox.js", lambda route: route.fulfill(status=404))
    talk(site)
    widget = visit().open()
    with site.context.expect_page() as opened:
        widget.page.get_by_role("button", name="View image: parcel.svg").click()

    assert opened.value.url == f"{SITE}/parcel.svg"
    browser.problems.clear()


def test_a_picture_that_cannot_be_shown_is_a_link(site, visit):
    widget = visit().open()
    site.chip.say("Look", attachments=["image/png:https://gone.example/p.png"])

    expect(widget.message("Look").get_by_role("link", name="p.png")).to_be_visible()


def test_quick_replies_turn_into_the_answer(site, visit):
    widget = visit().open()
    site.chip.say("Anything else?", quick_replies=["Yes", "No, thanks"])
    expect(widget.replies).to_have_text(["Yes", "No, thanks"])

    widget.replies.filter(has_text="No").click()

    expect(widget.message("No, thanks")).to_contain_text("Sent")
    expect(widget.replies).to_have_count(0)
    expect(widget.input).to_be_focused()
    assert [text for _, text in site.chip.accepted] == ["No, thanks"]


def test_quick_replies_wait_through_a_reload_until_they_are_answered(site, visit):
    widget = visit().open()
    site.chip.say("Anything else?", quick_replies=["Yes", "No"])
    expect(widget.replies).to_have_count(2)

    widget.page.reload()
    expect(widget.replies).to_have_count(2)
    widget.write("Maybe")

    expect(widget.replies).to_have_count(0)


def test_quick_replies_go_when_the_question_has_passed(site, visit):
    widget = visit().open()
    site.chip.say("Shall I cancel it?", quick_replies=["Yes", "No"])
    expect(widget.replies).to_have_count(2)

    site.chip.say("Never mind, it is here.")

    expect(widget.message("Never mind")).to_be_visible()
    expect(widget.replies).to_have_count(0)


def test_quick_replies_come_back_when_the_answer_was_not_taken(site, visit):
    widget = visit().open()
    site.chip.refuse("send_msg", "rejected")
    site.chip.say("Shall I cancel it?", quick_replies=["Yes", "No"])
    widget.write("Hm")

    expect(widget.message("Hm")).to_contain_text("Not sent")
    expect(widget.replies).to_have_count(2)


def test_scrolling_up_brings_what_was_said_before_and_stays_in_place(site, visit):
    much_said(site)
    widget = visit().open()
    expect(widget.message("Message 59")).to_be_in_viewport()
    assert widget.messages.count() < 60

    top = widget.messages.first
    before = top.inner_text()
    widget.log.evaluate("log => log.scrollTop = 60")
    expect(widget.messages).to_have_count(50)
    place = widget.message(before.split("\n")[0]).first
    expect(place).to_be_in_viewport()
    widget.log.evaluate("log => log.scrollTop = 0")

    expect(widget.messages).to_have_count(60)
    texts = widget.texts()
    assert texts == [f"Message {number}" for number in range(60)]
    assert len(site.chip.commands("get_history")) == 3


def test_new_messages_do_not_pull_down_who_reads_above(site, visit):
    much_said(site, 30)
    widget = visit().open()
    expect(widget.message("Message 29")).to_be_in_viewport()
    widget.log.evaluate("log => log.scrollTop = 200")
    position = widget.log.evaluate("log => log.scrollTop")

    site.chip.say("Something new")
    pill = widget.page.get_by_role("button", name="New messages")
    expect(pill).to_be_visible()
    assert abs(widget.log.evaluate("log => log.scrollTop") - position) < 2
    expect(widget.badge).to_have_text("1")
    pill.click()

    expect(widget.message("Something new")).to_be_in_viewport()
    expect(pill).to_be_hidden()
    expect(widget.badge).to_be_hidden()


def test_who_is_at_the_bottom_stays_there(site, visit):
    widget = visit().open()
    for number in range(40):
        site.chip.say(f"Message {number}")
    site.chip.say("A picture", attachments=[f"image/png:{SITE}/late.svg"])

    expect(widget.page.locator("chip-chat .picture img")).to_be_in_viewport()


def test_messages_that_come_while_closed_are_counted(site, visit):
    widget = visit().open()
    widget.online()
    widget.launcher.click()
    site.chip.say("one")
    site.chip.say("two")
    expect(widget.badge).to_have_text("2")
    expect(widget.launcher).to_have_accessible_name("Open chat, 2 unread messages")

    widget.page.reload()
    expect(widget.badge).to_have_text("2")
    widget.open()

    expect(widget.badge).to_be_hidden()
    expect(widget.launcher).to_have_accessible_name("Close chat")


def test_a_text_that_is_too_long_is_not_cut_but_said_to_be_so(site, visit):
    widget = visit().open()
    widget.input.fill("x" * 4002)
    expect(widget.page.locator("chip-chat .count")).to_have_text("2 characters too many")
    widget.input.press("Enter")
    expect(widget.input).to_have_value("x" * 4002)

    widget.write("x" * 4000)

    expect(widget.message("xxx")).to_contain_text("Sent")
    assert [len(text) for _, text in site.chip.accepted] == [4000]


def unmarked(text):
    """Return the text without the marks that are shown as what they mean."""
    return text.replace("`", "").replace("__", "")


def test_hostile_texts_are_only_read(site, visit):
    widget = visit().open()
    widget.page.evaluate("() => { window.alert = window.pwned = () => { window.hit = true } }")
    for number, text in enumerate(HOSTILE):
        evil = {"id": number, "name": text, "avatar": text, "email": text}
        site.chip.say(text, user=evil, quick_replies=[text], attachments=[f"{text}:{text}"])
    for number, text in enumerate(HOSTILE[:20]):
        site.chip.say(f"attachment {number}", attachments=[f"image/png:{text}", f"x:{text}"])
    expect(widget.message("attachment 19")).to_be_visible()

    assert len(HOSTILE) >= 200
    assert widget.page.evaluate("window.hit") is None
    shown = widget.bubbles.evaluate_all("all => all.map(b => b.textContent)")
    assert [unmarked(text) for text in shown[: len(HOSTILE)]] == list(map(unmarked, HOSTILE))
    strange = widget.panel.locator(
        "script, iframe, object, embed, base, meta, style, link, math, form:not(.composer)"
    )
    expect(strange).to_have_count(0)
    # In one go: pictures that cannot be had make way for initials.
    addresses = widget.panel.locator("[href], [src]").evaluate_all(
        "all => all.map(e => e.getAttribute('href') || e.getAttribute('src') || '')"
    )
    for address in addresses:
        assert re.match(r"(https?|mailto|tel):", address), address
    assert not any("evil" in url and "script" in url for url in site.requests if SITE in url)


def test_two_tabs_show_the_same_chat(site, visit):
    one, two = visit(), visit()
    one.open()
    one.online()
    two.open()
    one.write("From the first")
    expect(two.message("From the first")).to_contain_text("Sent")
    two.write("From the second")
    expect(one.message("From the second")).to_contain_text("Sent")
    site.chip.say("To both")
    expect(one.message("To both")).to_be_visible()
    expect(two.message("To both")).to_be_visible()

    assert one.texts() == two.texts() == ["From the first", "From the second", "To both"]
    assert len(site.chip.known) == 1
    assert sorted(text for _, text in site.chip.accepted) == ["From the first", "From the second"]
