"""The widget without eyes, and without a mouse."""

import pytest
from playwright.sync_api import expect

from tests.widget.scripted_site import SITE, ScriptedSite, Widget, embed
from tests.widget.states import BOB, STATES, lightbox, talk

FOCUSED = """() => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  return at === document.body ? "page" : [...(at.classList ?? [])][0] || at.tagName.toLowerCase();
}"""


def focused(widget):
    return widget.page.evaluate(FOCUSED)


def announced(widget):
    return widget.page.locator("chip-chat .unseen p")


def test_the_whole_chat_is_had_by_keyboard(site, visit):
    widget = visit()
    keys = widget.page.keyboard
    keys.press("Tab")
    keys.press("Tab")
    assert focused(widget) == "launcher"
    expect(widget.launcher).to_have_attribute("aria-expanded", "false")

    keys.press("Enter")
    expect(widget.launcher).to_have_attribute("aria-expanded", "true")
    assert focused(widget) == "input"
    keys.type("One line")
    keys.press("Shift+Enter")
    keys.type("and another")
    keys.press("Enter")
    expect(widget.message("One line")).to_contain_text("Sent")
    assert site.chip.accepted[0][1] == "One line\nand another"

    site.chip.say("Which?", quick_replies=["This", "That"])
    expect(widget.replies).to_have_count(2)
    keys.press("Shift+Tab")
    assert focused(widget) == "quick-reply"
    keys.press("Enter")
    expect(widget.message("That")).to_contain_text("Sent")
    assert focused(widget) == "input"

    keys.press("Escape")
    expect(widget.panel).to_be_hidden()
    assert focused(widget) == "launcher"


def test_the_order_is_header_conversation_composer(visit):
    widget = visit().open()
    widget.input.fill("x")
    widget.launcher.focus()
    order = []
    for _ in range(4):
        widget.page.keyboard.press("Tab")
        order.append(focused(widget))

    assert order == ["close", "log", "input", "send"]


def test_enter_that_belongs_to_an_input_method_sends_nothing(site, visit):
    widget = visit().open()
    widget.input.fill("にほん")
    widget.input.dispatch_event("keydown", {"key": "Enter", "isComposing": True})

    expect(widget.input).to_have_value("にほん")
    assert site.chip.accepted == []


def test_everything_says_what_it_is(site, visit):
    widget = visit().open()
    site.chip.say("On its way!", user=BOB)
    page = widget.page

    panel = page.get_by_role("dialog", name="Chat with us")
    expect(panel).to_be_visible()
    log = panel.get_by_role("log", name="Conversation")
    expect(log).to_have_attribute("aria-live", "off")
    expect(log.get_by_role("article")).to_have_count(1)
    expect(panel.get_by_role("textbox", name="Write a message")).to_be_visible()
    expect(panel.get_by_role("button", name="Send")).to_be_visible()
    expect(page.get_by_role("button", name="Close chat").first).to_have_attribute(
        "aria-expanded", "true"
    )


def test_a_message_is_announced_once_and_moves_no_focus(site, visit):
    widget = visit().open()
    widget.page.locator("a[href='/more']").focus()
    site.chip.say("On its way!", user=BOB, attachments=[f"image/png:{SITE}/parcel.svg"])

    expect(announced(widget)).to_have_text(["Bob McTickets: On its way!. Image: parcel.svg"])
    assert focused(widget) == "a"
    expect(widget.page.locator("chip-chat .unseen").first).to_have_attribute("aria-live", "polite")


def test_a_message_is_announced_also_while_a_picture_is_shown_large(site, visit):
    talk(site)
    widget = visit()
    lightbox(site, widget)
    site.chip.say("Do you see it?", user=BOB)

    expect(announced(widget)).to_have_text(["Bob McTickets: Do you see it?"])
    # All else is silenced.
    assert announced(widget).evaluate("e => e.closest('dialog').matches('.lightbox')")


def test_a_message_is_announced_also_while_the_chat_is_closed(site, visit):
    widget = visit().open()
    widget.online()
    widget.launcher.click()
    site.chip.say("Are you still there?")

    expect(announced(widget)).to_have_text(["Support: Are you still there?"])


def test_what_was_said_before_is_not_announced(site, visit):
    widget = visit().open()
    site.chip.say("Heard already")
    expect(widget.message("Heard already")).to_be_visible()
    widget.page.reload()
    expect(widget.message("Heard already")).to_be_visible()
    site.chip.say("New")

    expect(announced(widget)).to_have_text(["Support: New"])


def test_trouble_is_announced_once(site):
    site.context.clock.install()
    widget = Widget(site.page()).open()
    site.chip.drop(4409)
    expect(widget.banner).to_be_visible()
    widget.page.clock.run_for(1000)

    expect(widget.page.locator("chip-chat .unseen p")).to_have_text(
        ["You are chatting in another window."]
    )


def test_on_a_phone_the_page_behind_is_out_of_reach(browser):
    site = ScriptedSite(browser.person(phone=True))
    widget = Widget(site.page()).open()
    assert widget.page.evaluate(
        "document.querySelector('chip-chat').shadowRoot.querySelector('dialog').matches(':modal')"
    )
    seen = set()
    for _ in range(12):
        widget.page.keyboard.press("Tab")
        seen.add(focused(widget))
    assert seen <= {"close", "log", "input", "send", "panel", "page"}

    site.chip.say("Heard in the panel")
    expect(widget.panel.locator(".unseen p")).to_have_text(["Support: Heard in the panel"])
    widget.page.keyboard.press("Escape")
    expect(widget.panel).to_be_hidden()
    assert focused(widget) == "launcher"


def test_of_what_was_announced_nothing_stays_when_more_is_said_elsewhere(browser):
    site = ScriptedSite(browser.person(phone=True))
    widget = Widget(site.page()).open()
    site.chip.say("Heard in the panel")
    expect(announced(widget)).to_have_text(["Support: Heard in the panel"])
    widget.page.keyboard.press("Escape")
    expect(widget.panel).to_be_hidden()
    site.chip.say("Heard on the page")

    expect(announced(widget)).to_have_text(["Support: Heard on the page"])


def test_the_focus_can_always_be_seen(visit):
    widget = visit(embed(accent="#ffffff")).open()
    for _ in range(5):
        widget.page.keyboard.press("Tab")
        ring = widget.page.evaluate(
            """() => {
              let at = document.activeElement;
              while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
              const style = getComputedStyle(at);
              return at === document.body || style.outlineStyle !== "none";
            }"""
        )
        assert ring, focused(widget)


@pytest.mark.parametrize("touch", [False, True])
@pytest.mark.parametrize("state", sorted(STATES))
def test_targets_are_large_enough(browser, state, touch):
    site = ScriptedSite(browser.person(phone=touch))
    before, act = STATES[state]
    before(site)
    widget = Widget(site.page())
    act(site, widget)

    # Links within a sentence are as large as its words.
    targets = "button, input, textarea, a:not(.bubble *)"
    # In one go: what offers another attempt comes and goes.
    boxes = widget.page.locator(f"chip-chat :is({targets}):visible").evaluate_all(
        """all => all.map((e) => {
          const { width, height } = e.getBoundingClientRect();
          return [Math.min(width, height), e.outerHTML];
        })"""
    )
    assert boxes
    assert [box for box in boxes if box[0] < (44 if touch else 24)] == []
