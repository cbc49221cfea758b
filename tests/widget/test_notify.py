"""A message that comes while nobody looks: title and tone tell of it, once among the tabs."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.widget.attention import (
    COUNT_TONES,
    attentive,
    away,
    back,
    comes,
    glance,
    settled,
    stop_clock,
    tones,
    without_time,
)
from tests.widget.scripted_site import CHANNEL, ScriptedSite, Widget, embed
from tests.widget.states import returning
from tests.widget.test_refusals import BLOCKED

# A page that the test has acted on counts as one that the visitor has acted on.
NO_GESTURE = """
Object.defineProperty(navigator, "userActivation", { value: { hasBeenActive: false } });
"""
NO_ACTIVATION = "Object.defineProperty(navigator, 'userActivation', { value: undefined });"


@pytest.fixture(autouse=True)
def counted(site):
    site.context.add_init_script(COUNT_TONES)
    returning(site)


def title(widget):
    return widget.page.title()


@pytest.fixture
def here(site, visit):
    """A visitor who has chatted before, and who has pressed something of this page."""
    return attentive(visit(), site)


# The title.


def test_the_title_says_how_many_have_come_until_the_page_is_looked_at(site, here):
    comes(site, "Seen at once", here)
    assert title(here) == "A shop"
    here.open()
    away(here)

    comes(site, "One", here)
    assert title(here) == "(1) New message · A shop"
    comes(site, "Two", here)
    assert title(here) == "(2) New messages · A shop"
    back(here)
    assert title(here) == "A shop"


def test_it_says_so_in_the_visitors_language(site, visit):
    without_time(site)
    widget = away(attentive(visit(lang="fr"), site))

    comes(site, "Un", widget)

    assert title(widget) == "(1) Nouveau message · A shop"


def test_a_title_that_the_page_gives_itself_meanwhile_stays(site, here):
    away(here)
    comes(site, "One", here)
    here.page.evaluate("document.title = 'Your basket'")
    comes(site, "Two", here)
    assert title(here) == "(2) New messages · Your basket"
    here.page.evaluate("document.title = 'Thank you'")
    back(here)

    assert title(here) == "Thank you"


def test_a_page_without_a_title_has_none_again(site, here):
    here.page.evaluate("document.querySelector('title').remove()")
    away(here)
    comes(site, "One", here)
    assert title(here) == "(1) New message"
    back(here)

    assert title(here) == ""


def test_what_is_no_news_is_not_told(site, visit):
    site.chip.remember("msg_out", "Said before")
    widget = away(attentive(visit(), site))
    expect(widget.message("Said before")).to_be_attached()
    site.chip.tell_all(
        type="msg_echo", msg_in={"text": "From my phone", "time": "2026-05-04T10:00:00Z"}
    )
    expect(widget.message("From my phone")).to_be_attached()
    settled(widget)

    assert title(widget) == "A shop"
    assert tones(widget) == 0


def test_a_chat_that_is_taken_away_takes_its_words_along(site, here):
    away(here)
    comes(site, "One", here)

    here.page.evaluate("Chip.destroy()")

    assert title(here) == "A shop"


# The tone.


def test_a_tone_is_heard_at_most_once_a_second(site, visit):
    site.context.clock.install()
    widget = away(attentive(visit(), site))
    comes(site, "One", widget)
    assert tones(widget) == 1
    widget.until(lambda: widget.page.evaluate("heard") == 1, "the tone")
    widget.page.clock.run_for(1000)
    comes(site, "Two", widget)

    assert tones(widget) == 2


def test_messages_at_once_are_one_tone(site, here):
    away(here)
    here.page.clock.install()
    stop_clock(here.page)
    for number in range(5):
        site.chip.say(f"Number {number}")
    comes(site, "The last", here)

    assert tones(here) == 1
    assert title(here) == "(6) New messages · A shop"


def test_a_site_may_have_it_silent(site, visit):
    widget = away(attentive(visit(embed(sound="none")), site))
    comes(site, "One", widget)

    assert tones(widget) == 0
    assert title(widget) == "(1) New message · A shop"


def test_nothing_is_heard_of_a_page_that_the_visitor_has_not_touched(site, visit):
    site.context.add_init_script(NO_GESTURE)
    widget = away(attentive(visit(), site))
    comes(site, "One", widget)

    assert tones(widget) == 0
    assert title(widget) == "(1) New message · A shop"


@pytest.mark.parametrize("gesture", ["pointer", "key"])
def test_a_browser_that_does_not_tell_of_gestures_is_watched(site, visit, gesture):
    site.context.add_init_script(NO_ACTIVATION)
    widget = attentive(visit(), site)
    away(widget)
    comes(site, "One", widget)
    assert tones(widget) == 0
    back(widget)
    if gesture == "pointer":
        widget.page.get_by_role("heading").click()
    else:
        widget.page.keyboard.press("a")
    away(widget)
    comes(site, "Two", widget)

    assert tones(widget) == 1


@pytest.mark.parametrize(
    "without",
    [
        "delete window.AudioContext;",
        "window.AudioContext = class { constructor() { throw new Error('no device') } };",
        "AudioContext.prototype.resume = async () => { throw new Error('not now') };",
        "AudioContext.prototype.resume = () => new Promise(() => {});",
    ],
    ids=["none", "no device", "refused", "unanswered"],
)
def test_a_browser_without_sound_is_silent(site, visit, without):
    site.context.add_init_script(without)
    widget = away(attentive(visit(), site))
    widget.page.keyboard.press("a")
    comes(site, "One", widget)

    assert title(widget) == "(1) New message · A shop"


# Among the tabs.


@pytest.fixture
def there(site, here):
    """Another tab of the same visitor."""
    return attentive(Widget(site.page(path="/other")), site)


def told(*widgets):
    return sorted(title(widget) for widget in widgets), sum(map(tones, widgets))


def test_of_two_tabs_one_tells(site, here, there):
    away(here)
    away(there)
    comes(site, "One", here, there)

    assert told(here, there) == (["(1) New message · A shop", "A shop"], 1)
    comes(site, "Two", here, there)
    assert told(here, there)[0] == ["(2) New messages · A shop", "A shop"]


def test_none_tells_while_one_is_looked_at(site, here, there):
    away(here)
    comes(site, "One", here, there)
    assert told(here, there) == (["A shop", "A shop"], 0)
    away(there)
    comes(site, "Two", here, there)
    assert told(here, there) == (["(2) New messages · A shop", "A shop"], 1)
    back(here)
    back(there)
    away(here)
    comes(site, "Three", here, there)

    assert told(here, there) == (["A shop", "A shop"], 1)


def test_a_tab_that_was_not_touched_leaves_the_tone_to_one_that_was(site, here):
    other = site.context.new_page()
    other.add_init_script(NO_GESTURE)
    other.goto(here.page.url)
    there = attentive(Widget(other), site)
    away(here)
    away(there)
    for number in range(3):
        comes(site, f"Number {number}", here, there)

    assert tones(there) == 0
    assert tones(here) >= 1


def test_what_is_read_in_another_tab_is_told_no_more(site, here):
    away(here)
    comes(site, "One", here)
    assert title(here) == "(1) New message · A shop"

    Widget(site.page(path="/other")).open()

    expect(here.page).to_have_title("A shop")


def test_a_tab_that_is_hidden_at_once_counts_as_hidden(site, here):
    away(here)
    glance(here)
    comes(site, "One", here)

    assert told(here) == (["(1) New message · A shop"], 1)


@pytest.mark.parametrize(
    "locks",
    [
        "delete Navigator.prototype.locks;",
        BLOCKED,
        "if (navigator.locks) navigator.locks.request = () => { throw new TypeError('no') };",
        "for (const name of navigator.locks ? ['query', 'request'] : [])"
        "  navigator.locks[name] = async () => { throw new Error('no') };",
    ],
    ids=["missing", "site data blocked", "thrown", "refused"],
)
def test_without_locks_each_tab_is_for_itself(site, visit, locks):
    site.context.add_init_script(locks)
    first, second = visit(), visit(path="/other")
    for widget in (first, second):
        if "localStorage" in locks:
            widget.open().launcher.click()
        attentive(widget, site)
    comes(site, "Seen at once", first, second)
    assert told(first, second) == (["A shop"] * 2, 0)
    away(first)
    away(second)
    comes(site, "One", first, second)

    assert told(first, second) == (["(2) New messages · A shop"] * 2, 2)


def test_tabs_of_another_channel_do_not_count(site, here):
    other = site.page("", path="/bare")
    name = f"chip:looked:{CHANNEL.replace('7', '8')}"
    other.evaluate("name => void navigator.locks.request(name, () => new Promise(() => {}))", name)
    settled(Widget(other))
    away(here)
    comes(site, "One", here)

    assert told(here) == (["(1) New message · A shop"], 1)


def test_a_strict_policy_forbids_none_of_it(browser):
    policy = (
        "default-src 'none'; script-src https://chat.example.org;"
        " connect-src https://chat.example.org wss://chat.example.org; img-src data:"
    )
    site = ScriptedSite(browser.person(), csp=policy)
    site.context.add_init_script(COUNT_TONES)
    returning(site)
    widget = away(attentive(Widget(site.page()), site))
    comes(site, "One", widget)

    assert told(widget) == (["(1) New message · A shop"], 1)
