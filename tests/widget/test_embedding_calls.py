"""What `docs/embedding.md` says of calls and events, run."""

import pytest
from playwright.sync_api import expect

from tests.widget.attention import without_time
from tests.widget.guide import JS, tells_email
from tests.widget.scripted_site import Widget, embed
from tests.widget.states import ANN

STORED = "[...Object.keys(localStorage), ...Object.keys(sessionStorage)]"


def listening(page, example):
    """Run an example and return what it writes to the console from then on."""
    lines = []
    page.on("console", lambda message: lines.append(message.text))
    page.evaluate(f"() => {{ {example} }}")
    return lines


@pytest.fixture
def called(site):
    """A page with the widget, and a function that runs the example under a heading."""
    widget = Widget(site.page())
    widget.launcher.wait_for()

    def run(heading):
        return listening(widget.page, JS[heading][0])

    widget.run = run
    return widget


def test_calls_may_come_before_the_script(site):
    [early] = JS["Calls"]
    widget = Widget(site.page(f"<script>{early}</script>{embed()}"))

    expect(widget.panel).to_be_visible()
    expect(widget.message("I was faster than the script.")).to_contain_text("Sent")


def test_a_page_opens_closes_and_toggles_the_panel(called):
    called.run("Chip.open()")
    expect(called.input).to_be_focused()
    called.run("Chip.close()")
    expect(called.panel).to_be_hidden()
    called.run("Chip.toggle()")
    expect(called.panel).to_be_visible()
    called.run("Chip.toggle()")
    expect(called.panel).to_be_hidden()
    called.page.evaluate("() => Chip.push(['open'])")
    expect(called.panel).to_be_visible()


def test_send_starts_a_chat(called, site):
    called.run("Chip.send(text)")

    expect(called.open().message("the blue one")).to_contain_text("Sent")
    assert called.page.evaluate("() => Chip.send('  ')") is None


def test_a_page_tells_the_visitors_email(called, site):
    called.run("Chip.setEmail(email)")

    tells_email(called, site)


def test_a_page_removes_the_chat_and_has_it_forgotten(called, site):
    called.open().write("Hello")
    expect(called.message("Hello")).to_contain_text("Sent")

    called.run("Chip.destroy()")

    expect(called.host).to_have_count(0)
    assert called.page.evaluate(STORED) == []
    called.page.reload()
    called.open()
    expect(called.log).to_contain_text("Hello! How can we help?")


def test_a_page_has_the_chat_forgotten_before_the_words_of_its_language_are_there(site):
    widget = Widget(without_time(site).page(lang="fr")).open()
    widget.write("Bonjour")
    expect(widget.messages).to_contain_text("Bonjour")
    widget.page.close()
    site.words_answer = lambda route: None
    page = site.page(lang="fr")
    page.wait_for_function("() => !!customElements.get('chip-chat')")
    assert page.evaluate(STORED) != []

    page.evaluate("Chip.destroy({ forget: true })")

    assert page.evaluate(STORED) == []


def test_a_listener_hears_until_it_is_ended(called, site):
    heard = called.run("Chip.on(event, listener)")
    called.open().write("Hello")
    expect(called.message("Hello")).to_contain_text("Sent")
    site.chip.say("Good day")
    expect(called.message("Good day")).to_be_visible()
    assert heard == ["Hello", "Good day"]

    ended = called.page.evaluate(
        """() => {
          let count = 0;
          const off = Chip.on("message", () => count++);
          off();
          Chip.send("Unheard");
          return count;
        }"""
    )
    assert ended == 0


def test_a_page_hears_of_every_event(called, site):
    heard = {name: called.run(name) for name in ("open", "close", "message", "state", "error")}
    called.run("ready")
    called.run("unread")
    called.open()
    called.online()
    called.launcher.click()
    site.chip.say("Good day", user=ANN)
    expect(called.badge).to_have_text("1")
    expect(called.page.locator("body")).to_have_class("can-chat has-news")
    called.open()
    expect(called.page.locator("body")).to_have_class("can-chat")
    site.chip.refuse("send_msg", "rejected")
    called.write("Difficult")
    expect(called.message("Difficult")).to_contain_text("Not sent")

    assert called.page.evaluate("document.body.className") == "can-chat"
    assert (
        called.page.evaluate(JS["state"][1].replace("console.info", "String").strip("; \n"))
        == "online"
    )
    lines = heard["open"]
    assert lines == [
        "connecting",
        "chat opened",
        "online",
        "chat closed",
        "Ann Uwase: Good day",
        "chat opened",
        "rejected scripted",
    ]


def test_the_first_ready_can_be_heard_by_an_early_listener(site):
    early = """<script>(window.Chip ||= []).push(["on", "ready", () => document.title = "ready"])
      </script>"""
    widget = Widget(site.page(early + embed()))

    expect(widget.page).to_have_title("ready")
