"""What developers got wrong is said on the console, once, with what to do about it."""

import pytest
from playwright.sync_api import expect

from chip.widget.serving import SOURCES
from tests.widget.scripted_site import CHANNEL, SERVER, Widget, embed

SCRIPT = embed().partition(" data-channel")[0] + "></script>"
OTHER = CHANNEL.replace("7", "8")


def element(**attributes):
    written = "".join(f" {name}='{value}'" for name, value in attributes.items())
    return f"{SCRIPT}<chip-chat{written}></chip-chat>"


# What somebody wrote, and what the one warning has to speak of.
MISTAKES = {
    "a channel that is none": (element(channel="nonsense"), ['"nonsense"', "UUID", "channels"]),
    "a channel cut short": (element(channel=CHANNEL[:-1]), [CHANNEL[:-1], "UUID"]),
    "no channel": (element(heading="Hello"), ["no channel=", "channels"]),
    "a channel as on the script": (element(**{"data-channel": CHANNEL}), ["channel", "data-"]),
    "a tag whose channel is misspelt": (
        f'<script async src="{SERVER}/wc/widget.js" data-chanel="{CHANNEL}"></script>',
        ["data-chanel", "data-channel"],
    ),
    "data that nobody knows": (embed(colour="red"), ["data-colour", "accent"]),
    "an attribute that nobody knows": (
        element(channel=CHANNEL, headline="Hi"),
        ["headline", "heading"],
    ),
    "an attribute as on the script": (
        element(**{"channel": CHANNEL, "data-heading": "Hi"}),
        ["data-heading", "heading"],
    ),
    "a chat that is not to be open": (embed(open="false"), ["open", "false"]),
    "something else than a call": (
        f"<script>window.Chip = [null]</script>{embed()}",
        ["call", "null", "setEmail"],
    ),
    "strings that are no JSON": (embed(strings="{input: Hello}"), ["strings", "JSON"]),
    "strings that are a list": (embed(strings="[1]"), ["strings", "object"]),
    "strings with a word that is none": (embed(strings='{"inptu": "Hello"}'), ["inptu", "input"]),
    "strings of the wrong type": (embed(strings='{"input": 5}'), ["input", "text"]),
    "no string": (embed(strings='{"send": null}'), ["send", "text"]),
    "plurals of the wrong type": (embed(strings='{"unread": {"one": 1}}'), ["unread"]),
    "a theme that is none": (embed(theme="drak"), ["theme", "drak", "dark"]),
    "a position that is none": (embed(position="left"), ["position", "left", "start"]),
    "a direction that is none": (embed(dir="left"), ["dir", "left", "rtl"]),
    "a launcher that is none": (embed(launcher="hidden"), ["launcher", "hidden", "none"]),
    "a sound that is none": (embed(sound="off"), ["sound", "off", "none"]),
    "a colour that is none": (embed(accent="bluu"), ["accent", "bluu"]),
    "a server that is none": (embed(server="https://"), ["server", "https://"]),
    "two tags for two channels": (
        embed() + embed().replace(CHANNEL, OTHER),
        [OTHER, CHANNEL, "<chip-chat"],
    ),
}


ADVICE = f"{SERVER}/wc/widget/advice.js"


class Console:
    """What the chat says on the console of a page."""

    def __init__(self, site, markup):
        self._site = site
        self._lines = []
        site.context.on("console", self._heard)
        self.page = site.page(markup)
        self.page.wait_for_function("!!customElements.get('chip-chat')")

    def _heard(self, line):
        if line.type == "warning":
            self._lines.append(line.text)

    @property
    def lines(self):
        """Whatever was under way when this is asked has been said."""
        self.page.evaluate("async (file) => { await import(file); await import(file); }", ADVICE)
        return self._lines


@pytest.fixture
def console(site):
    return lambda markup: Console(site, markup)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_once(console, mistake):
    markup, words = MISTAKES[mistake]
    [line] = console(markup).lines

    assert line.startswith("Chip: ")
    for word in words:
        assert word in line


def test_what_is_right_is_not_spoken_of(console):
    everything = {
        "lang": "fr",
        "dir": "rtl",
        "accent": "rebeccapurple",
        "theme": "dark",
        "position": "start",
        "heading": "A",
        "subheading": "B",
        "avatar": "/team.svg",
        "greeting": "C",
        "launcher": "none",
        "open": "",
        "email": "bob@example.com",
        "hours": "Mon 09:00-17:00",
        "zone": "UTC",
        "available": "D",
        "away": "E",
        "usually": "60",
        "teaser": "F",
        "sound": "none",
        "strings": '{"unread": {"one": "a", "other": "b"}}',
        "server": "https://chat.example.org",
    }
    assert console(embed(**everything)).lines == []
    others = {"id": "x", "class": "y", "data-mine": "1", "aria-label": "z", "tabindex": 0}
    assert console(element(channel=CHANNEL, **everything, **others)).lines == []
    assert console(embed() + embed()).lines == []
    assert console(SCRIPT).lines == []


def test_every_word_of_a_language_may_be_a_sites_own(console):
    words = (SOURCES / "words" / "fr.json").read_text().replace("'", "&#39;")

    assert console(embed(strings=words)).lines == []


def test_a_page_without_a_mistake_loads_no_advice(site):
    Widget(site.page(embed(accent="red", theme="dark", heading="Hello"))).open()

    assert ADVICE not in site.requests


def test_advice_that_cannot_be_had_harms_nobody(site, browser):
    site.context.route(ADVICE, lambda route: route.fulfill(status=404))
    widget = Widget(site.page(embed(theme="drak"))).open()
    widget.write("Hello")

    expect(widget.message("Hello")).to_contain_text("Sent")
    assert len(browser.problems) == 1  # the browser's own line of it
    browser.problems.clear()


def test_a_mistake_that_is_made_again_is_not_told_again(console):
    told = console(embed(theme="drak"))
    told.page.evaluate(
        """() => {
          const chat = document.querySelector("chip-chat");
          chat.setAttribute("heading", "New");
          chat.setAttribute("theme", "dark");
          chat.setAttribute("theme", "drak");
        }"""
    )
    assert len(told.lines) == 1
    told.page.evaluate("() => document.querySelector('chip-chat').setAttribute('theme', 'lihgt')")
    assert len(told.lines) == 2


def test_calls_and_events_that_do_not_exist_are_told(console):
    told = console(embed())
    told.page.evaluate("() => { Chip.push(['opne']); Chip.on('mesage', () => {}); }")

    call, event = sorted(told.lines)
    assert "opne" in call and "open" in call
    assert "mesage" in event and "message" in event


def test_a_page_with_a_tag_and_no_chat_is_told_after_a_while(site, console):
    site.context.clock.install()
    told = console(SCRIPT)
    assert told.lines == []
    told.page.clock.run_for(20_000)

    [line] = told.lines
    assert "data-channel" in line
