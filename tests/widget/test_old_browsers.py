"""Browsers that lack something new: what is newest is taken away, piece by piece.

The lists are made by reading the widget's sources, with the year in which the last of Chrome,
Firefox and Safari had it; "never" where one of them has not. Built-ins of the language that are
newer than ES2023 are refused by the types' check.
"""

import re

import pytest
from playwright.sync_api import expect

from chip.widget.serving import SOURCES
from tests.widget.guide import HTML
from tests.widget.scripted_site import SITE, Widget
from tests.widget.states import talk

# As the sheets and scripts write it. A colon makes it a property, a bracket a function.
STYLES = {
    "scrollbar-width:": 2024,
    "scrollbar-color:": 2025,
    "field-sizing:": "never",
    "overflow-anchor:": "never",
    "color-mix(": 2023,
    "dvh": 2022,
    "overscroll-behavior:": 2022,
    "accent-color:": 2022,
}
# What a sheet could be written with since 2022, by what shows that it is.
NEW_STYLES = re.compile(
    r"light-dark\(|color-mix\(|contrast-color\(|\bif\(|linear\(|:has\(|&|\d[dsl]v[hwib]|\dcq\w+"
    r"|@(?:container|layer|property|scope|starting-style)|subgrid|(?:text-wrap|field-sizing"
    r"|scrollbar-width|scrollbar-color|overflow-anchor|overscroll-behavior|accent-color"
    r"|interpolate-size|anchor-name|position-area|animation-timeline|content-visibility"
    r"|(?:^|[ {;])(?:translate|rotate|scale)):"
)
WITHOUT_STYLE = """(feature => {
  const lacking = text => String(text).replaceAll(feature, `no-${feature}`);
  const { supports } = CSS;
  CSS.supports = (...words) => supports.apply(CSS, [lacking(words.join(": "))]);
  for (const [kind, name, at] of [
    [CSSStyleSheet, "replaceSync", 0],
    [CSSStyleDeclaration, "setProperty", 1],
  ]) {
    const usual = kind.prototype[name];
    kind.prototype[name] = function (...values) {
      values[at] = lacking(values[at]);
      return usual.apply(this, values);
    };
  }
})"""

# Without these there is a chat all the same.
WITHOUT_SCRIPT = {
    "ARIA reflection (2023)": """
      for (const name of Object.getOwnPropertyNames(Element.prototype))
        if (name.startsWith("aria")) delete Element.prototype[name];""",
    "locks (2022)": "delete Navigator.prototype.locks;",
    "a visual viewport (2021)": "Object.defineProperty(window, 'visualViewport', { value: null });",
    "what came in 2024 and later": """
      delete Promise.withResolvers;
      delete Promise.try;
      delete Array.fromAsync;
      delete Object.groupBy;
      delete Map.groupBy;
      delete URL.canParse;
      delete AbortSignal.any;
      delete Element.prototype.checkVisibility;
      delete HTMLElement.prototype.showPopover;
      delete HTMLElement.prototype.hidePopover;
      delete HTMLElement.prototype.togglePopover;
      delete Document.prototype.startViewTransition;
      delete Element.prototype.setHTMLUnsafe;
      delete window.Iterator;
      delete window.CloseWatcher;
      delete Intl.Segmenter;
      delete Intl.DurationFormat;
      for (const name of Object.getOwnPropertyNames(Set.prototype))
        if (/^(union|is\\w+Of|is\\w+From|\\w*ifference|intersection)$/.test(name))
          delete Set.prototype[name];""",
}

# Without these there is none. Browsers of 2022 lack one or the other.
NEEDED = {
    "findLast (2022)": "delete Array.prototype.findLast;",
    "dialogs (2022)": "delete window.HTMLDialogElement;",
    "constructed style sheets (2023)": """
      delete Document.prototype.adoptedStyleSheets;
      delete ShadowRoot.prototype.adoptedStyleSheets;""",
}

# The text's contrast with what is behind it; 0 where nothing opaque is within the panel.
CONTRAST = """element => {
  const numbers = colour => (colour.match(/[\\d.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) => [r, g, b]
    .map(part => part / 255)
    .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const text = light(numbers(getComputedStyle(element).color));
  for (let behind = element; behind; behind = behind.parentElement) {
    const [r, g, b, alpha = 1] = numbers(getComputedStyle(behind).backgroundColor);
    if (alpha === 1 && r !== undefined) {
      const [low, high] = [text, light([r, g, b])].sort((a, b) => a - b);
      return (high + 0.05) / (low + 0.05);
    }
  }
  return 0;
}"""


def can_be_read_and_used(widget):
    """Check that all is in view, stands out from what is behind it, and that one can write."""
    widget.open().write("Can you hear me?")
    expect(widget.message("Can you hear me?")).to_contain_text("Sent")
    box, window = widget.panel.bounding_box(), widget.page.viewport_size
    assert box["y"] >= 0 and box["y"] + box["height"] <= window["height"]
    assert box["x"] >= 0 and box["x"] + box["width"] <= window["width"]
    assert box["width"] > 300 and box["height"] > 400
    heading = widget.page.get_by_role("heading", name="Chat with us")
    for text in (heading, *widget.bubbles.all(), widget.input, widget.launcher):
        is_emoji = re.fullmatch(r"\W+", text.inner_text())
        assert is_emoji or text.evaluate(CONTRAST) >= 4.5, text
    expect(widget.launcher).to_have_accessible_name("Close chat")
    expect(widget.launcher).to_have_attribute("aria-expanded", "true")
    expect(widget.send_button).to_have_attribute("aria-disabled", "true")


def test_whatever_is_new_in_the_styles_is_taken_away_by_a_test():
    sources = "".join(path.read_text() for path in SOURCES.rglob("*.js"))
    styles = "".join(re.findall(r"String\.raw`.*?`|`color-mix.*?`", sources, re.DOTALL))
    used = {found.strip("0123456789 {;") for found in NEW_STYLES.findall(styles)}

    assert used == set(STYLES)


@pytest.mark.parametrize("feature", STYLES)
def test_a_browser_without_that_style_shows_a_whole_chat(site, feature):
    site.context.add_init_script(f"{WITHOUT_STYLE}({feature!r})")
    talk(site)

    can_be_read_and_used(Widget(site.page()))


@pytest.mark.parametrize("feature", WITHOUT_SCRIPT)
def test_a_browser_without_that_feature_has_a_whole_chat(site, feature):
    site.context.add_init_script(WITHOUT_SCRIPT[feature])
    talk(site)

    can_be_read_and_used(Widget(site.page()))


def test_a_browser_of_2023_leaves_the_focus_where_one_writes_when_the_line_is_back(site):
    site.context.add_init_script(WITHOUT_SCRIPT["what came in 2024 and later"])
    widget = Widget(site.page()).open()
    site.chip.refuse("start_chat", "unavailable", retry_after=60)
    site.chip.drop()
    button = widget.banner.get_by_role("button", name="Try now")
    expect(button).to_be_visible()
    site.chip.behave("start_chat")
    button.press("Enter")

    expect(widget.banner).to_be_hidden()
    expect(widget.input).to_be_focused()


@pytest.mark.parametrize("feature", NEEDED)
def test_a_browser_without_what_is_needed_has_the_sites_own_link_and_no_chat(site, feature):
    site.context.add_init_script(NEEDED[feature])
    [markup] = HTML["Supported browsers"]
    page = site.page(f"<script>(window.Chip ||= []).push(['open'])</script>{markup}")
    page.wait_for_load_state("networkidle")

    expect(page.get_by_role("link", name="Write to us")).to_be_visible()
    assert page.evaluate("document.querySelector('chip-chat').shadowRoot") is None
    assert not site.chip.sockets


@pytest.mark.parametrize("feature", NEEDED)
def test_a_browser_without_what_is_needed_sees_nothing_of_the_one_line(site, feature):
    site.context.add_init_script(NEEDED[feature])
    page = site.page()
    page.wait_for_load_state("networkidle")

    page.evaluate("Chip.open(), Chip.on('ready', () => {}), Chip.send('Hello')")
    assert site.requests == [f"{SITE}/", "https://chat.example.org/wc/widget.js"]
    expect(page.locator("chip-chat")).to_have_count(0)


def test_a_browser_that_has_all_hides_the_sites_own_link(site):
    [markup] = HTML["Supported browsers"]
    widget = Widget(site.page(markup))
    widget.launcher.wait_for()

    expect(widget.page.get_by_role("link", name="Write to us")).to_be_hidden()
