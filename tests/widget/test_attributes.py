"""Attributes and properties: changed in place, under a visitor who is typing, and by frameworks."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.widget.attention import without_time
from tests.widget.frameworks import react, vue
from tests.widget.scripted_site import CHANNEL, SITE, ScriptedSite, Widget, embed
from tests.widget.states import blocked_storage

SCRIPT = embed().partition(" data-channel")[0] + "></script>"


def part(name, text):
    return lambda widget: expect(widget.page.locator(f"chip-chat .{name}")).to_have_text(text)


def attribute(place, name, value):
    return lambda widget: expect(getattr(widget, place)).to_have_attribute(name, value)


def in_the_left_half(widget):
    widget.until(lambda: widget.panel.bounding_box()["x"] < 100, "the panel is on the left")


def shows_a_face(widget):
    expect(widget.page.locator("chip-chat .face img")).to_be_visible()


# What a page may change, and how one sees that it did.
CHANGES = {
    "heading": ("The workshop", part("heading", "The workshop")),
    "subheading": ("Within minutes", part("subheading", "Within minutes")),
    "avatar": ("/team.svg", shows_a_face),
    "greeting": ("What now?", part("greeting", "What now?")),
    "lang": ("fr", attribute("send_button", "aria-label", "Envoyer")),
    "dir": ("rtl", lambda widget: expect(widget.panel).to_have_css("direction", "rtl")),
    "position": ("start", in_the_left_half),
    "launcher": ("none", lambda widget: expect(widget.launcher).to_be_hidden()),
    "accent": ("#123456", lambda widget: painted(widget, "rgb(18, 52, 86)")),
    "theme": ("dark", lambda widget: expect(widget.panel).to_have_css("color-scheme", "dark")),
    "strings": ('{"input": "Ask away"}', attribute("input", "placeholder", "Ask away")),
    "email": ("bob@example.com", lambda widget: None),
}


def painted(widget, colour):
    expect(widget.launcher).to_have_css("background-color", colour)


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_whatever_a_page_changes_the_visitor_goes_on_typing(browser, phone):
    site = without_time(ScriptedSite(browser.person(phone=phone)))
    blocked_storage(site)
    widget = Widget(site.page()).open()
    widget.input.press_sequentially("One two")
    widget.page.keyboard.press("ArrowLeft")
    for name, (value, check) in CHANGES.items():
        widget.host.evaluate("(e, [name, value]) => e.setAttribute(name, value)", [name, value])
        check(widget)
        widget.page.keyboard.type("-")
        widget.host.evaluate("(e, name) => e.removeAttribute(name)", name)

    expect(widget.input).to_have_value(f"One tw{'-' * len(CHANGES)}o")
    expect(widget.input).to_have_attribute("placeholder", "Write a message")
    expect(widget.page.locator("chip-chat .heading")).to_have_text("Chat with us")
    expect(widget.page.locator("chip-chat .subheading")).to_be_hidden()
    assert widget.panel.evaluate("e => e.matches(':modal')") is phone
    widget.page.keyboard.press("Enter")
    expect(widget.message("One tw-")).to_contain_text("Sent")
    assert len(site.chip.commands("start_chat")) == 1
    assert len(site.chip.sockets) == 1


def test_a_change_of_language_reaches_all_that_is_shown(site, visit):
    without_time(site)
    widget = visit().open()
    site.chip.say(
        "Look",
        attachments=[
            f"image/png:{SITE}/parcel.svg",
            f"audio/mp3:{SITE}/word.mp3",
            "geo:-1.95,30.06",
        ],
        quick_replies=["A"],
    )
    widget.write("Hello")
    expect(widget.message("Hello")).to_contain_text("Sent")
    site.chip.refuse("send_msg", "rejected")
    widget.write("Difficult")
    retry = widget.page.get_by_role("button", name="Try again")
    retry.focus()
    widget.page.locator("chip-chat audio").evaluate("e => e.dataset.same = 'yes'")

    widget.host.evaluate("e => e.setAttribute('lang', 'fr')")

    audio = widget.page.locator("chip-chat audio")
    expect(audio).to_have_accessible_name("Audio: word.mp3")
    expect(audio).to_have_attribute("data-same", "yes")
    expect(widget.page.get_by_role("button", name="Voir l\u2019image: parcel.svg")).to_be_visible()
    expect(widget.message("Look")).to_contain_text("Position -1.95,30.06")
    expect(widget.message("Look")).to_have_accessible_name(re.compile("Assistance"))
    expect(widget.page.locator("chip-chat .day").last).to_have_text("Aujourd\u2019hui")
    expect(widget.message("Hello")).to_contain_text("Envoyé")
    expect(widget.message("Difficult")).to_contain_text("Non envoyé")
    expect(widget.page.get_by_role("button", name="Réessayer")).to_be_focused()
    expect(widget.page.get_by_role("log", name="Conversation")).to_be_visible()
    expect(widget.page.get_by_role("textbox", name="Écrivez un message")).to_be_visible()
    expect(widget.page.get_by_role("button", name="Envoyer")).to_be_visible()
    expect(widget.launcher).to_have_accessible_name("Fermer la discussion")
    expect(widget.page.locator("chip-chat .close")).to_have_accessible_name("Fermer la discussion")


def test_another_channel_is_another_chat(site):
    other = CHANNEL.replace("7", "8")
    site.context.route_web_socket(f"**/wc/connect/{other}", site.chip.connected)
    widget = Widget(site.page()).open()
    widget.write("Hello")
    expect(widget.message("Hello")).to_contain_text("Sent")
    site.chip.said.clear()

    widget.host.evaluate("(e, other) => e.setAttribute('channel', other)", other)

    expect(widget.message("Hello")).to_have_count(0)
    widget.open()
    widget.until(lambda: len(site.chip.sockets) == 1, "the first socket is closed")
    assert len(site.chip.known) == 2


# What a framework does with an attribute: a property, where the element has one of that name.
AS_REACT = "(e, [k, v]) => k in e ? (e[k] = v) : e.setAttribute(k, v)"


@pytest.mark.parametrize("name", [*CHANGES, "channel", "server", "open"])
def test_a_property_does_what_the_attribute_does(site, name):
    page = without_time(site).page(SCRIPT)
    page.wait_for_function("!!customElements.get('chip-chat')")
    page.evaluate(
        """(channel) => {
          window.chat = document.createElement("chip-chat");
          chat.setAttribute("channel", channel);
        }""",
        CHANNEL,
    )
    value = {"channel": CHANNEL, "server": "https://chat.example.org", "open": True}.get(name)
    setting = [name, CHANGES[name][0] if value is None else value]
    page.evaluate(f"(setting) => ({AS_REACT})(chat, setting)", setting)
    page.evaluate("() => document.body.append(chat)")
    widget = Widget(page)
    page.evaluate("() => { Chip.open(); Chip.close(); Chip.toggle(); chat.open(); }")

    expect(widget.panel).to_be_visible()
    widget.online()
    if name in CHANGES:
        CHANGES[name][1](widget)


def test_open_is_an_attribute_a_property_and_a_call(visit):
    widget = visit()

    def do(change, visible):
        widget.host.evaluate(f"e => {{ {change} }}")
        expect(widget.panel).to_be_visible() if visible else expect(widget.panel).to_be_hidden()

    do("e.open = true", visible=True)
    do("e.open = false", visible=False)
    do("e.open()", visible=True)
    do("e.close()", visible=False)
    do("e.setAttribute('open', '')", visible=True)
    do("e.removeAttribute('open')", visible=False)
    do("e.open = ''", visible=True)
    widget.launcher.click()
    expect(widget.panel).to_be_hidden()
    do("e.open = true", visible=True)
    do("e.open = undefined", visible=False)
    do("e.toggle()", visible=True)
    do("e.removeAttribute('open'); Chip.open()", visible=True)


def test_words_may_be_an_object_or_json_at_any_time(visit):
    widget = visit()
    widget.host.evaluate("e => (e.strings = { input: 'One' })")
    expect(widget.input).to_have_attribute("placeholder", "One")
    widget.host.evaluate("""e => (e.strings = '{"input": "Two"}')""")
    expect(widget.input).to_have_attribute("placeholder", "Two")
    widget.host.evaluate("e => (e.strings = null)")
    expect(widget.input).to_have_attribute("placeholder", "Write a message")


def test_properties_set_before_the_script_has_come_are_taken(site):
    page = site.page(f'<chip-chat channel="{CHANNEL}"></chip-chat>')
    page.evaluate(
        """() => {
          const chat = document.querySelector("chip-chat");
          chat.strings = { input: "Early words" };
          chat.open = true;
        }"""
    )
    page.add_script_tag(url=embed().partition('src="')[2].partition('"')[0])
    widget = Widget(page)

    expect(widget.input).to_have_attribute("placeholder", "Early words")
    expect(widget.panel).to_be_visible()
    widget.host.evaluate("e => (e.open = false)")
    expect(widget.panel).to_be_hidden()


def framework_page(site, script):
    page = site.page(SCRIPT + '<div id="root"></div>')
    page.wait_for_function("!!customElements.get('chip-chat')")
    page.evaluate(script)
    return Widget(page)


RENDERERS = {
    "react": (
        react,
        """(properties) => {
          window.reactRoot ??= ReactDOM.createRoot(document.getElementById("root"));
          reactRoot.render(React.createElement("chip-chat", properties));
        }""",
    ),
    "vue": (
        vue,
        """(properties) => {
          const { h, render } = VueRuntimeDOM;
          render(h("chip-chat", properties), document.getElementById("root"));
        }""",
    ),
}


@pytest.mark.parametrize("framework", RENDERERS)
def test_a_framework_renders_every_attribute(site, framework):
    script, renderer = RENDERERS[framework]
    widget = framework_page(without_time(site), script())

    # Right to left, the other corner would be the usual one again.
    rendered = {name: CHANGES[name] for name in CHANGES if name not in ("launcher", "dir")}

    def render(**changes):
        properties = {name: value for name, (value, _) in rendered.items()}
        properties |= {"strings": {"input": "Ask away"}, "channel": CHANNEL, **changes}
        widget.page.evaluate(renderer, properties)

    render(open=True)
    expect(widget.panel).to_be_visible()
    for _, check in rendered.values():
        check(widget)
    widget.input.fill("Half a thought")
    render(open=True, heading="Another", strings=json.dumps({"input": "Ask on"}))
    expect(widget.page.locator("chip-chat .heading")).to_have_text("Another")
    expect(widget.input).to_have_attribute("placeholder", "Ask on")
    expect(widget.input).to_have_value("Half a thought")
    expect(widget.input).to_be_focused()
    render(open=False)
    expect(widget.panel).to_be_hidden()
    widget.page.evaluate("() => Chip.open()")
    expect(widget.panel).to_be_visible()
    assert len(site.chip.commands("start_chat")) == 1


def test_no_attribute_has_the_name_of_a_method(visit):
    widget = visit()
    shared = widget.page.evaluate(
        """() => {
          const names = [...customElements.get("chip-chat").observedAttributes];
          const chat = document.querySelector("chip-chat");
          return names.filter((name) => {
            let at = chat;
            while (at && !Object.hasOwn(at, name)) at = Object.getPrototypeOf(at);
            const found = at && Object.getOwnPropertyDescriptor(at, name);
            return found && !found.set;
          });
        }"""
    )

    assert shared == []


@pytest.mark.parametrize(
    "channel", [CHANNEL.upper(), f" {CHANNEL}\n"], ids=["upper case", "blanks"]
)
def test_a_channel_in_another_spelling_is_taken(site, channel):
    widget = Widget(site.page(embed().replace(CHANNEL, channel))).open()
    widget.write("Hello")

    expect(widget.message("Hello")).to_contain_text("Sent")


def test_words_that_are_wrong_leave_the_right_ones(visit):
    strings = '{"input": "Ask us", "send": 5, "close": null, "unread": [], "inptu": "Ask"}'
    widget = visit(embed(strings=strings)).open()

    expect(widget.input).to_have_attribute("placeholder", "Ask us")
    expect(widget.send_button).to_have_accessible_name("Send")


@pytest.mark.parametrize("strings", ["{input: Hello}", "[1]", "5", "null", ""])
def test_words_that_cannot_be_read_leave_the_chats_own(visit, strings):
    widget = visit(embed(strings=strings)).open()

    expect(widget.input).to_have_attribute("placeholder", "Write a message")


def test_a_server_that_is_no_address_is_told_as_an_event(site):
    page = site.page(SCRIPT)
    page.wait_for_function("!!customElements.get('chip-chat')")
    code = page.evaluate(
        """(channel) => new Promise((resolve) => {
          const chat = document.createElement("chip-chat");
          chat.setAttribute("channel", channel);
          chat.setAttribute("server", "https://");
          chat.on("error", ({ code }) => resolve(code));
          document.body.append(chat);
        })""",
        CHANNEL,
    )

    assert code == "refused"
