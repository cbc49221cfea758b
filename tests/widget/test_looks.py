"""Every state on every kind of screen: pictures to look at, and what a machine can say of them.

The pictures are left in ``shots/``.
"""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.support.browser import shoot
from tests.widget.attention import without_time
from tests.widget.axe import complaints
from tests.widget.scripted_site import ScriptedSite, Widget, embed
from tests.widget.states import STATES, conversation, fresh, talk

SHOTS = Path(__file__).parents[2] / "shots" / "widget"

SCREENS = {
    "desktop": {},
    "phone in the dark": {"phone": True, "dark": True},
}


def play(browser, state, screen, markup=None, lang="en"):
    before, act = STATES[state]
    site = ScriptedSite(browser.person(**screen))
    before(site)
    if lang != "en":
        without_time(site)
    widget = Widget(site.page(markup, lang=lang))
    act(site, widget)
    if lang != "en":
        widget.page.clock.resume()  # the checks of the page need one that goes
    return widget


@pytest.mark.parametrize(
    ("state", "screen"),
    [*((state, "desktop") for state in STATES)]
    + [(state, "phone in the dark") for state in ("fresh", "conversation", "offline", "failed")],
)
def test_every_state_is_accessible_on_every_screen(browser, state, screen):
    widget = play(browser, state, SCREENS[screen])

    assert complaints(widget.page) == []
    shoot(widget.page, SHOTS / f"{state} - {screen}.png")


@pytest.mark.parametrize("screen", SCREENS)
def test_right_to_left_everything_changes_sides(browser, screen):
    widget = play(browser, "conversation", SCREENS[screen], lang="ar")
    width = widget.page.viewport_size["width"]
    sides = {
        "launcher": widget.launcher.bounding_box(),
        "send": widget.send_button.bounding_box(),
        "own": widget.message("Thank you").locator(".bubble").bounding_box(),
        "theirs": widget.message("Anything else?").locator(".bubble").bounding_box(),
    }
    left = {name: box["x"] + box["width"] / 2 < width / 2 for name, box in sides.items()}

    assert complaints(widget.page) == []
    shoot(widget.page, SHOTS / f"right to left - {screen}.png")
    if screen == "desktop":
        assert left == {"launcher": True, "send": True, "own": True, "theirs": True}
    else:
        assert (left["send"], left["own"], left["theirs"]) == (True, True, False)


def test_a_text_of_the_other_direction_stands_in_a_bubble_like_any_other(browser):
    widget = play(browser, "conversation", {})
    corner = "e => [getComputedStyle(e).borderEndStartRadius, getComputedStyle(e).direction]"

    assert widget.message("مرحبًا").locator(".bubble").evaluate(corner) == ["6px", "ltr"]
    text = widget.message("مرحبًا").locator(".bubble > div")
    assert text.evaluate("e => getComputedStyle(e).direction") == "rtl"


@pytest.mark.parametrize("state", ["unread", "conversation", "failed"])
def test_forced_colours_leave_every_border(browser, state):
    widget = play(browser, state, {"forced_colors": "active"})

    shoot(widget.page, SHOTS / f"{state} - forced colours.png")
    edge = "e => parseFloat(getComputedStyle(e).borderTopWidth)"
    assert widget.launcher.evaluate(edge) >= 1
    if state != "unread":
        assert widget.bubbles.last.evaluate(edge) >= 1
        assert widget.send_button.evaluate(edge) >= 1


def test_any_colour_of_a_site_can_be_read(browser):
    widget = play(browser, "conversation", {})

    for theme in ("light", "dark"):
        for accent in ("#ffd60a", "#808080", "hotpink", "black", "white", "oklch(0.7 0.2 140)"):
            widget.host.evaluate("(e, accent) => e.setAttribute('accent', accent)", accent)
            widget.host.evaluate("(e, theme) => e.setAttribute('theme', theme)", theme)
            assert complaints(widget.page, "color-contrast") == [], (accent, theme)


def test_a_phone_shows_nothing_but_the_chat(browser):
    widget = play(browser, "fresh", {"phone": True})

    assert widget.panel.bounding_box() == {"x": 0, "y": 0, "width": 390, "height": 844}
    assert widget.input.evaluate("e => parseFloat(getComputedStyle(e).fontSize)") >= 16
    for target in (widget.send_button, widget.page.locator("chip-chat .close")):
        box = target.bounding_box()
        assert min(box["width"], box["height"]) >= 44


def test_a_keyboard_on_a_phone_covers_nothing(browser):
    widget = play(browser, "fresh", {"phone": True})

    # What a keyboard does to the page, which no headless browser has.
    widget.page.evaluate(
        """() => {
          Object.defineProperty(visualViewport, "height", { value: 500 });
          Object.defineProperty(visualViewport, "offsetTop", { value: 30 });
          visualViewport.dispatchEvent(new Event("resize"));
        }"""
    )

    box = widget.panel.bounding_box()
    assert (box["y"], box["height"]) == (30, 500)
    assert widget.input.bounding_box()["y"] < 530


def test_a_window_that_becomes_narrow_keeps_the_chat_and_the_focus(browser):
    widget = play(browser, "fresh", {})
    widget.input.fill("Half a thought")
    page = widget.page

    page.set_viewport_size({"width": 400, "height": 700})

    expect(widget.panel).to_have_js_property("open", True)
    page.wait_for_function("document.querySelector('chip-chat').shadowRoot.querySelector(':modal')")
    expect(widget.input).to_be_focused()
    expect(widget.input).to_have_value("Half a thought")
    page.set_viewport_size({"width": 1200, "height": 800})
    page.wait_for_function(
        "!document.querySelector('chip-chat').shadowRoot.querySelector(':modal')"
    )
    expect(widget.panel).to_be_visible()


def test_the_site_may_choose_light_or_dark(browser):
    ground = "e => getComputedStyle(e).backgroundColor"
    dark = play(browser, "fresh", {"dark": True})
    light = play(browser, "fresh", {"dark": True}, embed(theme="light"))

    assert dark.panel.evaluate(ground) == "rgb(23, 25, 29)"
    assert light.panel.evaluate(ground) == "rgb(255, 255, 255)"


def test_who_wants_no_motion_sees_none(browser):
    widget = play(browser, "fresh", {"reduced_motion": True})
    assert widget.panel.evaluate("e => getComputedStyle(e).animationName") == "none"


def test_a_site_with_loud_styles_does_not_reach_inside(browser):
    site = ScriptedSite(browser.person())
    talk(site)
    loud = """<style>* { color: red !important; font-size: 40px !important; margin: 30px !important;
      text-transform: uppercase } button { display: none !important }</style>"""
    widget = Widget(site.page(loud + embed()))
    conversation(site, widget)

    assert widget.bubbles.last.evaluate("e => getComputedStyle(e).fontSize") == "15px"
    assert widget.bubbles.last.evaluate("e => getComputedStyle(e).color") != "rgb(255, 0, 0)"
    assert widget.bubbles.last.evaluate("e => getComputedStyle(e).textTransform") == "none"


def test_the_panel_fits_a_low_window(browser):
    site = ScriptedSite(browser.person())
    page = site.page()
    page.set_viewport_size({"width": 1000, "height": 520})
    widget = Widget(page)
    fresh(site, widget)

    box = widget.panel.bounding_box()
    assert box["y"] >= 0
    assert box["y"] + box["height"] < widget.launcher.bounding_box()["y"]
