"""The widget and a real Chip: whether they understand each other, above all when things break."""

import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from chip.desk.channel_settings import set_channel
from tests.support.chip_process import ChipProcess
from tests.support.fetch import fetch
from tests.widget.hostile import HOSTILE
from tests.widget.real_site import TOKEN, DeskClient, Website, channel_of
from tests.widget.scripted_site import Widget

SECONDS = 1000
RETURN = 40 * SECONDS


class Shop:
    """A website that runs a Chip of its own."""

    def __init__(self, website: Website, chip: ChipProcess) -> None:
        self.website = website
        self.chip = chip
        self.channel = channel_of(chip)
        self.desk = DeskClient(chip)

    def embed(self, **data: str) -> str:
        more = "".join(f' data-{name}="{value}"' for name, value in data.items())
        return (
            f'<script async src="{self.chip.url}/wc/widget.js"'
            f' data-channel="{self.channel}"{more}></script>'
        )

    def visit(self, context, markup: str | None = None, **headers: str) -> Widget:
        page = context.new_page()
        page.goto(self.website.put(self.embed() if markup is None else markup, **headers))
        widget = Widget(page)
        widget.launcher.wait_for()
        return widget


@pytest.fixture(scope="module")
def website():
    with Website() as website:
        yield website


@pytest.fixture(scope="module")
def settings():
    return {"desk_token": TOKEN, "desk_guide": False, "limits": "off"}


@pytest.fixture(scope="module")
def lasting_chip(settings):
    with ChipProcess(**settings) as chip:
        yield chip


@pytest.fixture
def shop(website, lasting_chip):
    """A shop whose Chip is there for all tests."""
    return Shop(website, lasting_chip)


@pytest.fixture
def fragile(website, settings, browser):
    """A shop whose Chip the test breaks, which browsers write about on their consoles."""
    with ChipProcess(**settings) as chip:
        yield Shop(website, chip)
        browser.problems.clear()
        chip.check_log()


def begin(shop, context, text):
    """Let a visitor write something; return his widget and his conversation."""
    widget = shop.visit(context).open()
    widget.write(text)
    expect(widget.message(text)).to_contain_text("Sent")
    conversation = shop.desk.visitor()
    shop.desk.hears(conversation, text)
    return widget, conversation


def test_a_question_is_answered_and_the_answer_is_delivered(shop, browser):
    widget = shop.visit(browser.person()).open()
    widget.write("Where is my order? (4432)")
    expect(widget.message("4432")).to_contain_text("Sent")
    conversation = shop.desk.visitor()
    shop.desk.hears(conversation, "Where is my order? (4432)")

    shop.desk.reply(conversation, "On its way!")

    expect(widget.message("On its way!")).to_be_visible()
    shop.desk.delivered(conversation, "On its way!")


def test_everything_is_there_again_on_the_next_page(shop, browser):
    context = browser.person()
    widget = shop.visit(context).open()
    widget.write("Anybody here? (next page)")
    expect(widget.message("next page")).to_contain_text("Sent")
    conversation = shop.desk.visitor()
    shop.desk.hears(conversation, "Anybody here? (next page)")
    shop.desk.reply(conversation, "I am.")
    expect(widget.message("I am.")).to_be_visible()

    widget.page.reload()

    expect(widget.bubbles).to_have_text(["Anybody here? (next page)", "I am."])


def test_quick_replies_and_attachments_come_through(shop, browser):
    widget = shop.visit(browser.person()).open()
    widget.write("Show me (attachments)")
    expect(widget.message("attachments")).to_contain_text("Sent")
    conversation = shop.desk.visitor()
    shop.desk.hears(conversation, "Show me (attachments)")
    picture = f"{shop.chip.url}/welcome/postcard.png"

    shop.desk.reply(conversation, "Here", attachments=[picture], quick_replies=["Nice", "Hm"])
    expect(widget.page.get_by_role("button", name="View image: postcard.png")).to_be_visible()
    widget.replies.filter(has_text="Nice").click()

    shop.desk.hears(conversation, "Show me (attachments)", "Nice")
    expect(widget.replies).to_have_count(0)
    widget.page.reload()
    expect(widget.page.get_by_role("button", name="View image: postcard.png")).to_be_visible()
    expect(widget.replies).to_have_count(0)


def test_two_tabs_are_one_chat(shop, browser):
    context = browser.person()
    one = shop.visit(context).open()
    one.write("From the first tab")
    expect(one.message("first tab")).to_contain_text("Sent")
    conversation = shop.desk.visitor()
    shop.desk.hears(conversation, "From the first tab")
    two = shop.visit(context).open()
    expect(two.message("first tab")).to_be_visible()

    two.write("From the second tab")
    expect(one.message("second tab")).to_contain_text("Sent")
    shop.desk.reply(conversation, "To both tabs")

    expect(one.message("To both tabs")).to_be_visible()
    expect(two.message("To both tabs")).to_be_visible()
    assert one.texts() == two.texts()
    shop.desk.hears(conversation, "From the first tab", "From the second tab")


def test_what_is_written_offline_goes_out_when_the_network_is_back(shop, browser):
    context = browser.person()
    widget = shop.visit(context).open()
    widget.write("Before the tunnel")
    expect(widget.message("Before the tunnel")).to_contain_text("Sent")
    conversation = shop.desk.visitor()
    shop.desk.hears(conversation, "Before the tunnel")

    context.set_offline(True)
    widget.write("In the tunnel")
    shop.desk.reply(conversation, "Are you there?")
    context.set_offline(False)

    expect(widget.message("In the tunnel")).to_contain_text("Sent", timeout=RETURN)
    expect(widget.message("Are you there?")).to_be_visible(timeout=RETURN)
    shop.desk.hears(conversation, "Before the tunnel", "In the tunnel")
    browser.problems.clear()


def test_an_unsent_message_outlives_a_reload_while_chip_is_away(fragile, browser):
    widget, conversation = begin(fragile, browser.person(), "Before")
    fragile.chip.kill()
    widget.write("While Chip was away")
    expect(widget.message("While Chip")).to_contain_text("Waiting to be sent")

    widget.page.reload()
    expect(widget.message("While Chip")).to_contain_text("Waiting to be sent")
    fragile.chip.start()

    expect(widget.message("While Chip")).to_contain_text("Sent", timeout=RETURN)
    expect(widget.bubbles).to_have_text(["Before", "While Chip was away"])
    fragile.desk.hears(conversation, "Before", "While Chip was away")


def test_chip_is_killed_in_the_middle_of_a_conversation(fragile, browser):
    widget, conversation = begin(fragile, browser.person(), "One")
    said = ["One"]
    for round in range(2):
        for number in range(5):
            said.append(f"Round {round}, number {number}")
            widget.write(said[-1])
        fragile.chip.kill()
        said.append(f"After kill {round}")
        widget.write(said[-1])
        fragile.chip.start()
        fragile.desk.reply(conversation, f"Answer {round}")
        expect(widget.message(f"Answer {round}")).to_be_visible(timeout=RETURN)
        expect(widget.message(said[-1])).not_to_contain_text("Sending", timeout=RETURN)
    expect(widget.message(said[-1])).to_contain_text("Sent", timeout=RETURN)

    fragile.desk.hears(conversation, *said)
    own = widget.page.locator("chip-chat .own .bubble")
    expect(own).to_have_text(said)
    expect(widget.messages).to_have_count(len(said) + 2)
    widget.page.reload()
    expect(own).to_have_text(said)
    expect(widget.messages).to_have_count(len(said) + 2)


def test_chip_restarts_in_order_under_an_open_page(fragile, browser):
    widget, conversation = begin(fragile, browser.person(), "Before the restart")

    fragile.chip.restart()

    expect(widget.banner).to_be_hidden(timeout=RETURN)
    widget.write("After the restart")
    expect(widget.message("After the restart")).to_contain_text("Sent", timeout=RETURN)
    fragile.desk.hears(conversation, "Before the restart", "After the restart")


def test_a_frozen_chip_is_noticed_and_told(fragile, browser):
    context = browser.person()
    context.clock.install()
    widget, conversation = begin(fragile, context, "Before the frost")
    fragile.chip.pause()
    widget.write("In the frost")
    widget.page.clock.run_for(20 * SECONDS)
    widget.page.clock.run_for(10 * SECONDS)
    expect(widget.message("In the frost")).to_contain_text(re.compile("Waiting|Sending"))
    widget.page.clock.run_for(20 * SECONDS)
    expect(widget.banner).to_contain_text(re.compile("No connection|reached"))

    fragile.chip.resume()
    widget.banner.get_by_role("button").or_(widget.input).first.click()
    thawed = time.monotonic()
    while time.monotonic() < thawed + RETURN / SECONDS:
        # History may show it before its own page has heard that it was accepted: twice, until then.
        shown = widget.message("In the frost").all_inner_texts()
        if len(shown) == 1 and "Sent" in shown[0]:
            break
        # Only the page's own waiting is shortened, not the time that Chip has to answer.
        if widget.host.evaluate("e => e.state") == "waiting":
            widget.page.clock.run_for(2 * SECONDS)
        widget.page.wait_for_timeout(50)

    expect(widget.message("In the frost")).to_have_text([re.compile("Sent")])
    fragile.desk.hears(conversation, "Before the frost", "In the frost")


def test_hostile_texts_arrive_as_they_were_written_and_do_nothing(shop, browser):
    widget = shop.visit(browser.person()).open()
    widget.page.evaluate("() => { window.alert = window.pwned = () => { window.hit = true } }")
    widget.write("Hostile texts follow")
    expect(widget.message("Hostile")).to_contain_text("Sent")
    conversation = shop.desk.visitor()
    shop.desk.hears(conversation, "Hostile texts follow")

    for text in HOSTILE:
        widget.page.evaluate("text => Chip.send(text)", text)
    expect(widget.message("Sending")).to_have_count(0, timeout=RETURN)
    for text in HOSTILE[::15]:
        shop.desk.reply(conversation, text)
    shop.desk.reply(conversation, "The end")
    expect(widget.message("The end")).to_be_visible(timeout=RETURN)
    widget.page.reload()
    expect(widget.message("The end")).to_be_visible()

    assert widget.page.evaluate("window.hit") is None
    heard = shop.desk.heard(conversation)
    assert heard[1:] == [text.replace("\x01", "").strip("\ufeff ") for text in HOSTILE]


def test_a_strict_policy_is_kept(shop, browser):
    policy = (
        f"default-src 'none'; script-src {shop.chip.url};"
        f" connect-src {shop.chip.url} {shop.chip.url.replace('http', 'ws')};"
        " require-trusted-types-for 'script'; base-uri 'none'; img-src data:"
    )
    widget = shop.visit(browser.person(), Content_Security_Policy=policy).open()
    widget.write("Under a strict policy")

    expect(widget.message("strict policy")).to_contain_text("Sent")
    assert widget.panel.evaluate("e => getComputedStyle(e).borderTopLeftRadius") == "18px"
    assert browser.problems == []


def test_a_channel_that_does_not_exist_is_said_to_be_so(shop, browser):
    unknown = shop.embed().replace(shop.channel, "00000000-0000-4000-8000-000000000000")
    widget = shop.visit(browser.person(), unknown).open(online=False)

    expect(widget.banner).to_contain_text("This chat is not available.")
    expect(widget.input).to_be_disabled()
    browser.problems.clear()


def test_a_site_that_is_not_allowed_is_refused(website, settings, browser):
    with ChipProcess(**settings, allowed_origins=["https://shop.example"]) as chip:
        widget = Shop(website, chip).visit(browser.person()).open(online=False)
        expect(widget.banner).to_contain_text("This chat is not available.")
    browser.problems.clear()


def test_what_is_told_by_the_server_about_a_refusal_can_be_read_by_pages(shop):
    url = f"{shop.chip.url}/wc/connect/{shop.channel}"
    answer = fetch(url, headers={"Origin": shop.website.url})

    assert answer.status == 426
    assert answer.headers["access-control-allow-origin"] == "*"


def test_an_email_reaches_the_desk(shop, browser):
    widget = shop.visit(browser.person(), shop.embed(email="bob@example.com")).open()
    widget.write("This is Bob")
    expect(widget.message("This is Bob")).to_contain_text("Sent")

    conversation = shop.desk.visitor()
    shop.desk.hears(conversation, "This is Bob")
    assert shop.desk.conversations()[0]["email"] == "bob@example.com"


def test_who_writes_while_nobody_is_there_leaves_an_e_mail_at_the_desk(website, settings, browser):
    day = datetime.now(UTC) + timedelta(days=2)
    hours = {"hours": f"{day:%a} 09:00-17:00", "zone": "UTC", "away": "The shop is closed"}
    with ChipProcess(**settings) as chip:
        shop = Shop(website, chip)
        set_channel(chip.directory / "chip-data", shop.channel, hours)
        widget, conversation = begin(shop, browser.person(), "Is anybody there?")
        word = widget.page.locator("chip-chat .availability")
        expect(word).to_contain_text("The shop is closed · Back ")
        widget.page.get_by_role("textbox", name="Your e-mail").fill("bob@example.com")
        widget.page.get_by_role("button", name="Leave e-mail").click()
        expect(widget.page.get_by_text("We can reach you at bob@example.com.")).to_be_visible()
        widget.write("Thanks")
        shop.desk.hears(conversation, "Is anybody there?", "Thanks")
        assert shop.desk.conversations()[0]["email"] == "bob@example.com"
