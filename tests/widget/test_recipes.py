"""The recipes of `docs/embedding.md`, run with the frameworks that they are for."""

import re

from playwright.sync_api import expect

from tests.widget.frameworks import plain_script, react, turbo, vue
from tests.widget.guide import HTML, examples
from tests.widget.scripted_site import Widget, embed

SCRIPT = embed().partition(" data-channel")[0] + "></script>"
ROOT = SCRIPT + '<div id="root"></div>'


def test_wordpress(site):
    [php] = examples("php")["WordPress"]
    [line] = re.findall(r"\?>(.*?)<\?php", php, re.DOTALL)
    widget = Widget(site.page(line)).open()
    widget.write("Hello")

    expect(widget.message("Hello")).to_contain_text("Sent")


def test_turbo(site):
    [head] = HTML["Turbo"]
    head = re.sub(r"</?head>", "", head) + f"<script>{turbo()}</script>"
    site.page("", path="/more", head=head).close()
    widget = Widget(site.page("", head=head)).open()
    widget.write("Hello")
    expect(widget.message("Hello")).to_contain_text("Sent")
    widget.page.locator("main a").click()
    widget.page.wait_for_url("**/more")

    expect(widget.message("Hello")).to_be_visible()
    assert len(site.chip.commands("start_chat")) == 1


def renders(site, script):
    """Check that the script's `draw(properties)` renders the element, and hears of it."""
    page = site.page(ROOT)
    page.evaluate("() => { window.heard = [] }")
    page.add_script_tag(content=script)

    def draw(properties):
        page.evaluate(
            """(properties) => draw({
              ...properties, onClose: () => heard.push("close"), onText: (text) => heard.push(text),
            })""",
            properties,
        )

    draw({"heading": "One", "open": False})
    widget = Widget(page)
    widget.launcher.wait_for()
    expect(widget.panel).to_be_hidden()
    draw({"heading": "Two", "open": True})
    expect(page.locator("chip-chat .heading")).to_have_text("Two")
    widget.online()
    widget.write("Hello")
    expect(widget.message("Hello")).to_contain_text("Sent")
    draw({"heading": "Three", "open": False})
    expect(widget.panel).to_be_hidden()
    expect(page.locator("chip-chat .heading")).to_have_text("Three")
    assert page.evaluate("() => heard") == ["Hello", "close"]
    return widget


def test_react(site):
    [jsx] = examples("jsx")["React"]
    draw = """
      const root = ReactDOM.createRoot(document.getElementById("root"));
      window.draw = (properties) => root.render(React.createElement(Chat, properties));
    """
    widget = renders(site, f"{react()}\n{plain_script(jsx)}\n{draw}")

    expect(widget.input).to_have_attribute("placeholder", "Ask us anything")


def test_vue(site):
    [template] = examples("vue")["Vue"]
    given = ", ".join(
        f"{property_of(name)}: {value if name[0] in ':@' else repr(value)}"
        for name, value in re.findall(r'^    (\S+)="(.*)"$', template, re.MULTILINE)
    )
    renders(
        site,
        f"""{vue()}
        window.draw = ({{ heading, open, onClose, onText }}) => VueRuntimeDOM.render(
          VueRuntimeDOM.h("chip-chat", {{ {given} }}), document.getElementById("root"));""",
    )


def property_of(name):
    """Return what Vue's compiler makes of an attribute's name in a template."""
    return f"on{name[1:].capitalize()}" if name[0] == "@" else name.lstrip(":")
