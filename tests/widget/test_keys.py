"""What a page makes of keys, words and the focus does not reach into the chat."""

import pytest
from playwright.sync_api import expect

from tests.support.browser import focus_on
from tests.widget.scripted_site import SITE

# A page whose every key is a shortcut, unless one types into a field.
SHORTCUTS = """(on) => {
  window.heard = [];
  for (const type of ["keydown", "keypress", "keyup"])
    on.addEventListener(type, (event) => {
      if (/INPUT|TEXTAREA/.test(event.target.tagName)) return;
      heard.push(`${type} ${event.key}`);
      event.preventDefault();
    });
}"""


@pytest.mark.parametrize("place", ["window", "document", "document.body"])
def test_a_page_with_shortcuts_eats_nothing_of_what_one_types(visit, place):
    widget = visit()
    widget.page.evaluate(f"() => ({SHORTCUTS})({place})")
    widget.open()
    widget.page.keyboard.type("Hello again")
    widget.page.keyboard.press("Control+a")
    widget.page.keyboard.press("Control+x")
    expect(widget.input).to_have_value("")
    widget.page.keyboard.press("Control+v")
    expect(widget.input).to_have_value("Hello again")
    widget.page.keyboard.press("Enter")

    expect(widget.message("Hello again")).to_contain_text("Sent")
    assert widget.page.evaluate("() => heard") == []


def test_shortcuts_that_ask_in_time_let_one_type(visit):
    widget = visit()
    widget.page.evaluate(
        """() => addEventListener("keydown", (event) => {
          if (!event.target.isContentEditable) event.preventDefault();
        }, true)"""
    )
    widget.open()
    widget.page.keyboard.type("Hello")

    expect(widget.input).to_have_value("Hello")
    widget.launcher.focus()
    assert widget.host.evaluate("e => e.isContentEditable") is False


EATEN = ["beforeinput", "input", "copy", "cut", "paste", "contextmenu", "selectstart", "wheel"]


def test_nothing_that_is_done_inside_is_the_pages_to_forbid(visit):
    widget = visit().open()
    widget.page.evaluate(
        """(names) => {
          window.heard = [];
          for (const name of names)
            document.addEventListener(name, (event) => heard.push(event.type), { passive: false });
        }""",
        [*EATEN, "compositionstart", "compositionupdate", "compositionend", "touchmove"],
    )
    for name in ("compositionstart", "compositionupdate", "compositionend", "touchmove", "wheel"):
        widget.input.evaluate(
            "(e, name) => e.dispatchEvent(new Event(name, { bubbles: true, composed: true }))", name
        )
    widget.input.press_sequentially("Hello")
    widget.input.press("Control+a")
    widget.input.press("Control+c")
    widget.input.press("Control+x")
    widget.input.press("Control+v")
    widget.input.click(button="right")
    expect(widget.input).to_have_value("Hello")

    assert widget.page.evaluate("() => heard") == []


def test_a_picture_shown_large_keeps_its_keys_too(site, visit):
    widget = visit()
    widget.page.evaluate(f"() => ({SHORTCUTS})(document)")
    widget.open()
    site.chip.say("Look", attachments=[f"image/png:{SITE}/parcel.svg"])
    widget.page.get_by_role("button", name="View image: parcel.svg").click()
    large = widget.page.locator("chip-chat .lightbox")
    expect(large).to_be_visible()
    widget.page.keyboard.press("x")
    widget.page.keyboard.press("Escape")

    expect(large).to_have_count(0)
    assert widget.page.evaluate("() => heard") == []


@pytest.mark.parametrize("opener", ["the launcher", "a button of the page"])
def test_a_key_that_closes_the_chat_is_let_go_without_the_page_hearing_of_it(visit, opener):
    """Where the focus is by then is the launcher, or what had it before: pages close their own
    dialogs by that."""
    widget = visit()
    widget.page.evaluate(f"() => ({SHORTCUTS})(document)")
    if opener == "the launcher":
        widget.open()
    else:
        widget.page.evaluate(
            """() => {
              const button = document.createElement("button");
              button.textContent = "Ask us";
              button.onclick = () => Chip.open();
              document.body.prepend(button);
            }"""
        )
        widget.page.get_by_role("button", name="Ask us").click()
        expect(widget.panel).to_be_visible()
    widget.input.focus()
    widget.page.keyboard.press("Escape")

    expect(widget.panel).to_be_hidden()
    assert widget.page.evaluate("() => heard") == []
    widget.page.keyboard.press("Escape")
    assert widget.page.evaluate("() => heard") == ["keydown Escape", "keyup Escape"]


def test_the_launcher_is_pressed_and_leaves_other_keys_to_the_page(visit):
    widget = visit()
    widget.page.evaluate(f"() => ({SHORTCUTS})(document)")
    widget.launcher.focus()
    widget.page.keyboard.press("Space")
    expect(widget.panel).to_be_visible()
    widget.launcher.focus()
    widget.page.keyboard.press("Enter")
    expect(widget.panel).to_be_hidden()
    assert widget.page.evaluate("() => heard") == []

    for key in ("Escape", "k"):
        widget.page.keyboard.press(key)
    assert widget.page.evaluate("() => heard") == [
        "keydown Escape",
        "keyup Escape",
        "keydown k",
        "keyup k",
    ]


def test_the_page_sees_that_one_clicked_elsewhere(visit):
    widget = visit().open()
    widget.page.evaluate(
        """() => {
          window.heard = [];
          for (const name of ["pointerdown", "mousedown", "click"])
            document.addEventListener(name, (event) =>
              heard.push(`${name} ${event.target.tagName}`));
        }"""
    )
    widget.input.click()

    assert widget.page.evaluate("() => heard") == [
        "pointerdown CHIP-CHAT",
        "mousedown CHIP-CHAT",
        "click CHIP-CHAT",
    ]


@pytest.mark.parametrize("event", ["focusin", "focusout"])
def test_a_page_that_holds_the_focus_lets_it_into_the_chat(visit, event):
    widget = visit()
    widget.page.evaluate(
        """(event) => {
          const dialog = document.createElement("div");
          const field = dialog.appendChild(document.createElement("input"));
          document.body.append(dialog);
          field.focus();
          document.addEventListener(event, ({ target }) => {
            if (!dialog.contains(target)) field.focus();
          });
        }""",
        event,
    )
    widget.launcher.click()
    widget.panel.wait_for()
    widget.page.keyboard.type("Hello")
    widget.page.locator("chip-chat .log").click()
    widget.input.click()
    widget.page.keyboard.type(" again")

    expect(widget.input).to_have_value("Hello again")


def hold_enter(page):
    for _ in range(3):
        page.keyboard.down("Enter")
    page.keyboard.up("Enter")


def test_enter_that_is_held_on_a_button_sends_nothing_of_what_is_being_written(site, visit):
    widget = visit().open()
    widget.write("Hello")
    site.chip.say("Well?", quick_replies=["Yes", "No"])
    widget.input.press_sequentially("Half a thought")
    focus_on(widget.replies.first)
    hold_enter(widget.page)

    expect(widget.message("Yes")).to_contain_text("Sent")
    expect(widget.input).to_have_value("Half a thought")
    assert [text for _, text in site.chip.accepted] == ["Hello", "Yes"]


def test_enter_that_is_held_closes_the_chat_and_does_not_open_it_again(visit):
    widget = visit().open()
    widget.panel.locator(".close").focus()
    hold_enter(widget.page)

    expect(widget.panel).to_be_hidden()
    expect(widget.launcher).to_be_focused()
