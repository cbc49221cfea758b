"""The teaser beside the closed launcher: who sees it, how it goes, and never over content."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.support.browser import shoot
from tests.widget.attention import stay, teaser, with_clock
from tests.widget.axe import complaints
from tests.widget.scripted_site import ATTENTION, SITE, ScriptedSite, Widget, embed
from tests.widget.states import CHAT, returning
from tests.widget.test_looks import SHOTS

STORED = "[...Object.keys(localStorage), ...Object.keys(sessionStorage)]"
FOCUSED = "e => e.getRootNode().activeElement === e"
OPEN = "<template shadowrootmode=open>"
BENEATH = "position: fixed; inset: auto 0 0 auto; width: 500px; height: 120px;"


@pytest.fixture
def site(site):
    return with_clock(site)


def button(widget, name):
    return teaser(widget).get_by_role("button", name=name)


def loaded(widget):
    """Wait until the file that has the teaser has run, if it was asked for."""
    widget.page.evaluate("url => fetch(url).then(() => import(url)).then(() => {})", ATTENTION)
    return widget


@pytest.fixture
def teased(visit):
    """A visitor sees the teaser."""
    widget = stay(visit())
    expect(teaser(widget)).to_be_visible()
    return widget


# Who sees it.


def test_who_comes_anew_and_stays_is_greeted_and_nothing_is_stored(site, visit):
    widget = visit()
    widget.page.clock.run_for(2000)
    assert ATTENTION not in site.requests
    widget.page.clock.run_for(3000)

    expect(button(widget, "Hello! How can we help? Open chat")).to_be_visible()
    assert widget.page.evaluate(STORED) == []
    assert widget.page.evaluate("document.activeElement === document.body")
    assert site.chip.sockets == []
    expect(widget.page.locator("chip-chat .unseen p")).to_have_count(0)


def another_page(page):
    page.get_by_role("link", name="more").click()
    page.wait_for_url("**/more")
    return page


def the_same_again(page):
    page.reload()
    return page


def without_a_referrer(page):
    page.evaluate("document.querySelector('a').rel = 'noreferrer'")
    return another_page(page)


def another_tab(page):
    page.evaluate("document.querySelector('a').target = '_blank'")
    with page.expect_popup() as opened:
        page.get_by_role("link", name="more").click()
    return opened.value


@pytest.mark.parametrize(
    "goes_on_to", [another_page, the_same_again, without_a_referrer, another_tab]
)
def test_who_goes_on_within_the_site_is_not_greeted_again(site, teased, goes_on_to):
    site.pages["/more"] = site.pages["/"]
    widget = Widget(goes_on_to(teased.page))
    widget.launcher.wait_for()

    expect(teaser(loaded(stay(widget)))).to_have_count(0)


@pytest.mark.parametrize("other", ["https://search.example/", f"{SITE}.org/", f"{SITE}:8443/"])
def test_who_comes_from_another_site_is_greeted(site, other):
    page = site.page(path="/shop")
    site.context.route(
        other,
        lambda route: route.fulfill(body=f"<a href={SITE}/shop>shop</a>", content_type="text/html"),
    )
    page.goto(other)
    page.get_by_role("link").click()
    widget = Widget(page)
    widget.launcher.wait_for()

    expect(teaser(stay(widget))).to_be_visible()


def test_who_has_chatted_before_is_not_greeted(site, visit):
    returning(site)
    widget = visit().online()
    site.requests.clear()

    expect(teaser(loaded(stay(widget)))).to_have_count(0)
    assert CHAT in site.chip.known


def test_who_has_opened_the_chat_is_not_greeted(visit):
    widget = visit().open()
    widget.launcher.click()

    expect(teaser(loaded(stay(widget)))).to_have_count(0)


def test_a_phone_has_no_room_for_it(browser):
    site = with_clock(ScriptedSite(browser.person(phone=True)))
    widget = stay(Widget(site.page()))
    widget.page.evaluate("fetch('/barrier')")

    assert ATTENTION not in site.requests


def test_a_site_may_do_without(site, visit):
    widget = stay(visit(embed(teaser="none")))
    widget.page.evaluate("fetch('/barrier')")

    assert ATTENTION not in site.requests
    expect(teaser(widget)).to_have_count(0)


def test_where_a_button_of_the_site_opens_the_chat_there_is_none(visit):
    widget = stay(visit(embed(launcher="none")))

    expect(teaser(widget)).to_have_count(1)
    expect(teaser(widget)).to_be_hidden()


# What it says.


def test_it_says_what_the_site_says_also_later(visit):
    widget = stay(visit(embed(greeting="What shall we build?", lang="fr")))
    expect(button(widget, "What shall we build? Ouvrir la discussion")).to_be_visible()
    expect(button(widget, "Masquer ce message")).to_be_visible()
    widget.host.evaluate("e => e.setAttribute('teaser', 'Half price until Sunday')")
    widget.page.clock.run_for(1000)

    expect(button(widget, "Half price until Sunday")).to_be_visible()
    widget.host.evaluate("e => e.setAttribute('teaser', 'none')")
    widget.page.clock.run_for(1000)
    expect(teaser(widget)).to_be_hidden()


# How it goes.


def gone_for_good(widget):
    expect(teaser(widget)).to_have_count(0)
    widget.page.clock.run_for(10_000)
    expect(teaser(widget)).to_have_count(0)


def test_it_opens_the_chat(teased):
    button(teased, "Hello! How can we help?").click()

    expect(teased.panel).to_be_visible()
    assert teased.input.evaluate(FOCUSED)
    gone_for_good(teased)
    teased.launcher.click()
    gone_for_good(teased)


def test_it_goes_when_the_chat_is_opened_otherwise(teased):
    teased.page.evaluate("Chip.open(), Chip.close()")

    gone_for_good(teased)


def test_it_goes_by_its_own_button_also_from_a_chat_that_is_shown_anew(teased):
    button(teased, "Hide this message").click()

    gone_for_good(teased)
    assert teased.page.evaluate(STORED) == []
    teased.host.evaluate("e => e.setAttribute('channel', e.getAttribute('channel').replace(7, 8))")
    teased.launcher.wait_for()
    stay(teased)
    gone_for_good(teased)


def test_it_is_had_by_keyboard_and_its_keys_are_its_own(teased):
    teased.page.evaluate("addEventListener('keydown', ({ key }) => (window.heard = key))")
    keys = teased.page.keyboard
    keys.press("Tab")
    keys.press("Tab")
    assert button(teased, "Hello! How can we help?").evaluate(FOCUSED)
    keys.press("Tab")
    assert button(teased, "Hide this message").evaluate(FOCUSED)
    assert teased.page.evaluate("heard") == "Tab"
    keys.press("Escape")

    gone_for_good(teased)
    assert teased.launcher.evaluate(FOCUSED)
    assert teased.page.evaluate("heard") == "Tab"


def test_where_the_chat_was_taken_away_nothing_comes(site, visit):
    widget = visit()
    widget.page.evaluate("Chip.destroy()")
    stay(widget).page.evaluate("fetch('/barrier')")

    assert ATTENTION not in site.requests


def test_it_goes_with_the_chat(teased):
    teased.host.evaluate("e => (window.shadow = e.shadowRoot, Chip.destroy())")

    assert teased.page.evaluate("shadow.querySelector('.teaser')") is None


# Where it is.


@pytest.mark.parametrize(
    "content",
    [
        f"<p style='{BENEATH}'>{'Read this. ' * 60}</p>",
        f"<div style='{BENEATH}'><div style='padding: 40px'>{'Read this. ' * 30}</div></div>",
        f"<img alt='' src='/parcel.svg' style='{BENEATH}'>",
        f"<textarea style='{BENEATH}'></textarea>",
        f"<button style='{BENEATH}'><span style='{BENEATH}'></span></button>",
        f"<a href='/more' style='{BENEATH}'></a>",
        f"<canvas style='{BENEATH}'></canvas>",
        f"<iframe style='{BENEATH}'></iframe>",
        f"<a-b>{OPEN}<p style='{BENEATH}'>{'Read. ' * 99}</p></template></a-b>",
        "<input type=checkbox style='position: fixed; right: 200px; bottom: 40px'>",
        "<p style='position: fixed; right: 120px; bottom: 24px; margin: 0; font-size: 9px'>Law</p>",
    ],
)
def test_it_never_stands_over_content(visit, content):
    widget = stay(visit(f"<div id=beneath>{content}</div>{embed()}"))
    expect(teaser(widget)).to_have_count(1)
    expect(teaser(widget)).to_be_hidden()

    widget.page.evaluate("beneath.remove()")
    widget.page.clock.run_for(1000)

    expect(teaser(widget)).to_be_visible()


@pytest.mark.parametrize(
    "content",
    [
        f"<div style='{BENEATH} background: #eee url(/ground.svg); padding: 9px'>  </div>",
        f"<p style='{BENEATH}'>{'&nbsp; ' * 300}</p>",
        f"<p style='{BENEATH} width: 100%'>Short, at the other side</p>",
        f"<div style='{BENEATH} visibility: hidden'>{'Read this. ' * 60}</div>",
        "<main style='position: absolute; inset: 0'><p style='height: 100%'></p></main>",
        f"<a-b>{OPEN}<div style='position: fixed; inset: 0'></div></template></a-b>",
    ],
)
def test_it_may_stand_over_what_is_empty(visit, content):
    expect(teaser(stay(visit(content + embed())))).to_be_visible()


def test_it_goes_out_of_the_way_of_what_appears_later(teased):
    teased.page.evaluate(
        """style => document.body.append(Object.assign(document.createElement("p"), {
          id: "banner", style, textContent: "We use cookies. ".repeat(30) }))""",
        BENEATH,
    )
    teased.page.clock.run_for(1000)
    expect(teaser(teased)).to_be_hidden()
    teased.page.evaluate("banner.remove()")
    teased.page.clock.run_for(1000)

    expect(teaser(teased)).to_be_visible()


@pytest.mark.parametrize("scroller", ["html", "#inner"])
def test_it_goes_out_of_the_way_of_what_is_scrolled_there(visit, scroller):
    text = f"<p style='margin: 1000px 0'>{'Read this. ' * 200}</p>"
    inner = f"<div id=inner style='overflow: auto; height: 700px'>{text}</div>"
    widget = stay(visit((text if scroller == "html" else inner) + embed()))
    button(widget, "Hello! How can we help?").focus()
    scroll = f"top => document.querySelector('{scroller}').scrollTop = top"

    widget.page.evaluate(scroll, 500)
    expect(teaser(widget)).to_be_hidden()
    assert widget.launcher.evaluate(FOCUSED)
    widget.page.evaluate(scroll, 0)
    widget.page.clock.run_for(1000)
    expect(teaser(widget)).to_be_visible()


def test_a_window_that_becomes_smaller_has_less_room_for_it(visit):
    text = f"<p style='width: 800px; height: 690px; overflow: hidden'>{'Read this. ' * 2000}</p>"
    widget = stay(visit(text + embed()))
    expect(teaser(widget)).to_be_visible()

    widget.page.set_viewport_size({"width": 900, "height": 600})
    expect(teaser(widget)).to_be_hidden()
    widget.page.set_viewport_size({"width": 1280, "height": 800})
    widget.page.clock.run_for(1000)
    expect(teaser(widget)).to_be_visible()
    widget.page.evaluate("document.querySelector('p').remove()")
    widget.page.set_viewport_size({"width": 600, "height": 800})
    widget.page.clock.run_for(1000)
    expect(teaser(widget)).to_be_hidden()


# How it looks.


@pytest.mark.parametrize(
    ("looks", "device", "page"),
    [
        ("light", {}, {}),
        ("dark", {"dark": True}, {}),
        ("right to left", {}, {"lang": "ar"}),
        ("at the start", {}, {"markup": embed(position="start", teaser="Half price " * 12)}),
        ("forced colours", {"forced_colors": "active"}, {}),
    ],
)
def test_it_is_accessible_and_beside_the_launcher(browser, looks, device, page):
    site = with_clock(ScriptedSite(browser.person(**device)))
    widget = stay(Widget(site.page(**page)))
    expect(teaser(widget)).to_be_visible()
    box, beside = teaser(widget).bounding_box(), widget.launcher.bounding_box()

    widget.page.clock.resume()  # the check needs one that goes
    assert complaints(widget.page) == []
    shoot(widget.page, SHOTS / f"teaser - {looks}.png")
    if looks in ("right to left", "at the start"):
        assert round(box["x"] - beside["x"] - beside["width"]) == 14
    else:
        assert round(beside["x"] - box["x"] - box["width"]) == 14
    assert box["y"] + box["height"] == beside["y"] + beside["height"]


def test_paper_shows_the_page_only(teased):
    teased.page.emulate_media(media="print")

    expect(teaser(teased)).to_be_hidden()


@pytest.mark.parametrize("calm", [True, False])
def test_it_moves_only_for_those_who_do_not_mind(browser, calm):
    site = with_clock(ScriptedSite(browser.person(reduced_motion=calm)))
    widget = stay(Widget(site.page()))
    expect(teaser(widget)).to_be_visible()

    animation = teaser(widget).evaluate("e => getComputedStyle(e).animationName")
    assert animation == ("none" if calm else "rise")
