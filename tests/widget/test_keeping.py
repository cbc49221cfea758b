"""What the script tag made stays: over whatever a page or its framework does to the document."""

import pytest
from playwright.sync_api import expect

from tests.widget.frameworks import react, turbo
from tests.widget.scripted_site import CHANNEL, ScriptedSite, Widget, embed
from tests.widget.states import blocked_storage

SCRIPT = embed().partition(" data-channel")[0] + "></script>"
ELEMENT = f'<chip-chat channel="{CHANNEL}"></chip-chat>'

# Each leaves a page without the chat, in one go.
WRECKERS = {
    "a body that is replaced": """() => {
      const body = document.createElement("body");
      body.append("Another page");
      document.body.replaceWith(body);
    }""",
    "a body that is emptied": """() => {
      document.body.innerHTML = "";
      document.body.append("Another page");
    }""",
    "a document that is made anew": """() => {
      const root = document.documentElement.cloneNode();
      document.documentElement.remove();
      const body = document.createElement("body");
      body.append("Another page");
      root.append(document.createElement("head"), body);
      document.append(root);
    }""",
    "a body that comes a moment later": """() => {
      document.body.remove();
      setTimeout(() => {
        const body = document.createElement("body");
        body.append("Another page");
        document.documentElement.append(body);
      }, 50);
    }""",
}


@pytest.fixture
def talking(visit):
    """A chat that is under way, with something half typed."""
    widget = visit().open()
    widget.write("Hello")
    expect(widget.message("Hello")).to_contain_text("Sent")
    widget.input.press_sequentially("Half a th")
    return widget


def goes_on(widget, site):
    """Check that the visitor does not notice anything: it is the same chat, on the same socket."""
    expect(widget.host).to_have_count(1)
    expect(widget.panel).to_be_visible()
    expect(widget.message("Hello")).to_be_visible()
    expect(widget.input).to_have_value("Half a th")
    expect(widget.input).to_be_focused()
    widget.page.keyboard.type("ought")
    widget.page.keyboard.press("Enter")
    expect(widget.message("Half a thought")).to_contain_text("Sent")
    assert len(site.chip.commands("start_chat")) == 1


@pytest.mark.parametrize("wreck", WRECKERS.values(), ids=WRECKERS)
def test_the_chat_comes_back(site, talking, wreck):
    talking.page.evaluate(wreck)

    expect(talking.page.locator("body")).to_contain_text("Another page")
    goes_on(talking, site)


def test_turbo_takes_the_chat_along_from_page_to_page(site):
    head = f"<script>{turbo()}</script>{embed()}"
    site.page("", path="/more", head=head).close()
    widget = Widget(site.page("", head=head)).open()
    widget.write("Hello")
    expect(widget.message("Hello")).to_contain_text("Sent")
    widget.input.fill("Half a thought")
    for move in ("Turbo.visit('/more')", "history.back()", "history.forward()"):
        widget.page.evaluate(f"""() => new Promise((done) => {{
          addEventListener("turbo:load", done, {{ once: true }});
          {move};
        }})""")
        expect(widget.host).to_have_count(1)
        expect(widget.message("Hello")).to_be_visible()
        expect(widget.input).to_have_value("Half a thought")

    assert len(site.chip.commands("start_chat")) == 1


def test_turbo_runs_a_tag_in_the_body_again_and_there_is_one_chat(site):
    head = f"<script>{turbo()}</script>"
    site.page(embed(heading="Second"), path="/more", head=head).close()
    widget = Widget(site.page(embed(heading="First"), head=head)).open()
    widget.write("Hello")
    expect(widget.message("Hello")).to_contain_text("Sent")
    widget.page.evaluate("Turbo.visit('/more')")

    expect(widget.page.locator("chip-chat .heading")).to_have_text(["Second"])
    expect(widget.message("Hello")).to_be_visible()
    assert len(site.chip.commands("start_chat")) == 1


def test_react_that_renders_the_whole_document_leaves_the_chat(site, talking):
    talking.page.evaluate(react())
    talking.page.evaluate(
        """() => new Promise((done) => {
          const h = React.createElement;
          const Page = () => {
            React.useEffect(done, []);
            return h("html", null, h("head"), h("body", null, h("p", null, "Rendered")));
          };
          ReactDOM.hydrateRoot(document, h(Page), { onRecoverableError() {} });
        })"""
    )

    expect(talking.page.locator("body")).to_contain_text("Rendered")
    expect(talking.host).to_have_count(1)
    expect(talking.message("Hello")).to_be_visible()
    expect(talking.input).to_have_value("Half a th")
    assert len(site.chip.commands("start_chat")) == 1


@pytest.mark.parametrize("how", ["main.append(e)", "(e.remove(), main.append(e))"])
def test_a_chat_that_is_moved_goes_on(site, talking, how):
    talking.host.evaluate(f"e => {{ const main = document.querySelector('main'); {how}; }}")

    goes_on(talking, site)


def test_a_chat_that_is_moved_on_a_phone_still_covers_the_page(browser):
    site = ScriptedSite(browser.person(phone=True))
    widget = Widget(site.page()).open()
    widget.input.focus()
    widget.page.evaluate(WRECKERS["a body that is replaced"])

    expect(widget.panel).to_be_visible()
    assert widget.panel.evaluate("e => e.matches(':modal')")
    expect(widget.input).to_be_focused()


def test_a_chat_that_is_moved_on_a_transformed_page_is_still_in_its_corner(visit):
    widget = visit("<style>body { transform: translateX(300px) }</style>" + embed())
    inside = widget.page.locator("chip-chat .root[popover]")
    expect(inside).to_be_visible()
    widget.host.evaluate("e => document.querySelector('main').append(e)")

    expect(widget.launcher).to_be_in_viewport(ratio=1)


def test_two_tags_for_two_channels_show_the_first_chat(site):
    other = CHANNEL.replace("7", "8")
    in_order = (embed() + embed().replace(CHANNEL, other)).replace("async ", "")
    widget = Widget(site.page(in_order)).open()

    expect(widget.host).to_have_count(1)


def test_a_page_that_fights_the_chat_is_not_brought_to_a_stop(talking):
    talking.page.evaluate(
        """() => new MutationObserver(() => document.querySelector("chip-chat")?.remove())
          .observe(document.body, { childList: true })"""
    )
    talking.page.evaluate("() => document.querySelector('chip-chat').remove()")

    assert talking.page.evaluate("() => new Promise((done) => setTimeout(done, 100, 'alive'))")


def test_what_is_destroyed_stays_away(site, talking):
    talking.page.evaluate("() => Chip.destroy()")
    talking.page.evaluate(WRECKERS["a body that is replaced"])
    talking.page.evaluate("() => new Promise((done) => setTimeout(done, 50))")

    expect(talking.host).to_have_count(0)
    talking.until(lambda: not site.chip.sockets, "the socket is closed")


def test_an_element_that_the_page_removes_ends_its_chat(site):
    site.context.clock.install()
    widget = Widget(site.page(SCRIPT + ELEMENT)).open()
    widget.host.evaluate("e => e.remove()")
    widget.page.clock.run_for(10_000)

    widget.until(lambda: not site.chip.sockets, "the socket is closed")
    expect(widget.host).to_have_count(0)


@pytest.mark.parametrize("away", ["out of the page", "on another channel"])
def test_without_storage_the_chat_lasts_as_long_as_the_page_wherever_its_element_was(site, away):
    blocked_storage(site)
    site.context.clock.install()
    widget = Widget(site.page(SCRIPT + ELEMENT)).open()
    widget.write("Hello")
    expect(widget.message("Hello")).to_contain_text("Sent")
    site.chip.ignore("send_msg")
    widget.write("On its way")
    widget.input.press_sequentially("Half a th")
    if away == "out of the page":
        widget.host.evaluate("e => (window.kept = e).remove()")
        widget.page.clock.run_for(10_000)
        widget.until(lambda: not site.chip.sockets, "the socket is closed")
        widget.page.evaluate("document.body.append(kept)")
    else:
        other = CHANNEL.replace("7", "8")
        widget.host.evaluate(f"e => e.setAttribute('channel', '{other}')")
        expect(widget.message("Hello")).to_have_count(0)
        widget.host.evaluate(f"e => e.setAttribute('channel', '{CHANNEL}')")

    site.chip.behave("send_msg")
    expect(widget.message("On its way")).to_contain_text("Sent")
    expect(widget.message("Hello")).to_be_visible()
    expect(widget.input).to_have_value("Half a th")
    assert len(site.chip.known) == 1


def test_a_new_element_takes_over_where_the_last_one_was(site):
    blocked_storage(site)
    widget = Widget(site.page(SCRIPT + ELEMENT)).open()
    widget.write("Hello")
    expect(widget.message("Hello")).to_contain_text("Sent")
    widget.input.fill("Half a thought")
    widget.host.evaluate("e => e.replaceWith(e.cloneNode())")

    expect(widget.panel).to_be_visible()
    expect(widget.message("Hello")).to_be_visible()
    expect(widget.input).to_have_value("Half a thought")
    assert len(site.chip.commands("start_chat")) == 1


def test_calls_wait_for_a_chat(site):
    page = site.page(SCRIPT)
    page.wait_for_function("!!customElements.get('chip-chat')")
    page.evaluate(
        """() => {
          window.heard = [];
          window.off = Chip.on("message", ({ text }) => heard.push(text));
          Chip.open();
          Chip.send("Early");
        }"""
    )
    page.evaluate(f"() => document.body.insertAdjacentHTML('beforeend', `{ELEMENT}`)")
    widget = Widget(page)

    expect(widget.panel).to_be_visible()
    expect(widget.message("Early")).to_contain_text("Sent")
    assert page.evaluate("() => heard") == ["Early"]
    page.evaluate("() => (off(), Chip.send('Unheard'))")
    assert page.evaluate("() => heard") == ["Early"]


def test_calls_that_wait_are_bounded(site):
    page = site.page(SCRIPT)
    page.wait_for_function("!!customElements.get('chip-chat')")
    page.evaluate("() => { for (let n = 0; n < 103; n++) Chip.send(`Message ${n}`) }")
    page.evaluate(f"() => document.body.insertAdjacentHTML('beforeend', `{ELEMENT}`)")
    widget = Widget(page).open()

    expect(widget.messages).to_have_count(100)
    assert widget.texts()[0] == "Message 3"


def test_a_listener_hears_of_the_next_element_too(site):
    widget = Widget(site.page(SCRIPT + ELEMENT))
    widget.launcher.wait_for()
    page = widget.page
    page.evaluate(
        """() => {
          window.heard = [];
          for (const name of ["ready", "open"]) Chip.on(name, () => heard.push(name));
        }"""
    )
    widget.open()
    page.evaluate("() => document.querySelector('chip-chat').remove()")
    page.evaluate(f"() => document.body.insertAdjacentHTML('beforeend', `{ELEMENT}`)")
    page.evaluate("() => { Chip.close(); Chip.open(); }")

    assert page.evaluate("() => heard") == ["ready", "open", "open", "ready", "open"]


def test_a_page_that_the_browser_puts_aside_hangs_up_and_comes_back(site, talking):
    def turn(event):
        talking.page.evaluate(
            f"() => dispatchEvent(new PageTransitionEvent('{event}', {{ persisted: true }}))"
        )

    turn("pagehide")
    talking.until(lambda: not site.chip.sockets, "the socket is closed")
    site.chip.say("Meanwhile")
    turn("pageshow")

    expect(talking.message("Meanwhile")).to_be_visible()
    expect(talking.input).to_have_value("Half a th")
    expect(talking.message("Hello")).to_be_visible()
    assert len(site.chip.commands("start_chat")) == 2


def test_a_chat_that_nobody_began_is_not_begun_by_coming_back(site, visit):
    widget = visit()
    for event in ("pagehide", "pageshow"):
        widget.page.evaluate(
            f"() => dispatchEvent(new PageTransitionEvent('{event}', {{ persisted: true }}))"
        )

    assert widget.page.evaluate("document.querySelector('chip-chat').state") == "idle"
    assert site.chip.sockets == []
