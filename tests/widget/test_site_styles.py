"""The widget on pages that style, transform, print and enlarge: it shows where and as it should."""

import pytest
from playwright.sync_api import expect

from tests.widget.scripted_site import ScriptedSite, Widget, embed
from tests.widget.states import talk

# Whether anything of the element is painted at the middle of the launcher.
SHOWN = """e => {
  const box = e.shadowRoot.querySelector(".launcher").getBoundingClientRect();
  const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
  return box.width > 0 && document.elementsFromPoint(x, y).includes(e);
}"""
CORNER = {"x": 1280 - 20 - 58, "y": 800 - 20 - 58, "width": 58, "height": 58}


def corner(widget):
    box = widget.launcher.bounding_box()
    return {name: round(size) for name, size in box.items()}


@pytest.mark.parametrize(
    "style",
    [
        "body { transform: translateX(0) }",
        "body { filter: grayscale(1) }",
        "html { filter: blur(0) }",
        "body { will-change: transform; height: 3000px }",
        "body { perspective: 100px; margin: 0; height: 100px }",
        "body { container-type: inline-size; contain: layout }",
        "chip-chat { transform: rotate(3deg); filter: invert(1) }",
        "body { backdrop-filter: blur(2px); transform: scale(.5) }",
    ],
)
def test_the_launcher_stands_in_the_corner_whatever_the_page_does_to_itself(visit, style):
    widget = visit(f"<style>{style}</style>" + embed())
    widget.until(lambda: corner(widget) == CORNER, "the launcher to stand in its corner")

    widget.open()
    panel = widget.panel.bounding_box()
    assert panel["x"] + panel["width"] == 1260
    assert panel["y"] + panel["height"] < CORNER["y"]


def test_the_launcher_stays_in_the_corner_when_the_page_transforms_later(visit):
    widget = visit("<style>body { height: 3000px }</style>" + embed())
    page = widget.page
    assert corner(widget) == CORNER
    layer = "e => !!e.shadowRoot.querySelector(':popover-open')"
    assert not widget.host.evaluate(layer)

    page.evaluate("document.body.style.transform = 'translateY(0)'; scrollTo(0, 900)")
    widget.until(lambda: corner(widget) == CORNER, "the launcher to go back")
    page.evaluate("document.body.style.transform = ''")
    widget.until(lambda: not widget.host.evaluate(layer), "the page to have its layers again")
    assert corner(widget) == CORNER


def test_a_phone_shows_the_chat_on_a_transformed_page(browser):
    site = ScriptedSite(browser.person(phone=True))
    widget = Widget(site.page("<style>body { transform: scale(.9) }</style>" + embed())).open()

    assert widget.panel.bounding_box() == {"x": 0, "y": 0, "width": 390, "height": 844}
    widget.page.keyboard.press("Escape")
    expect(widget.panel).to_be_hidden()
    expect(widget.launcher).to_be_in_viewport()


@pytest.mark.parametrize(
    "style", ["display: none", "visibility: hidden", "display: none !important"]
)
def test_a_site_may_hide_the_chat_by_its_styles(visit, style):
    widget = visit(f"<style>.shut chip-chat {{ {style} }}</style>" + embed())
    assert widget.host.evaluate(SHOWN)

    widget.page.evaluate("document.documentElement.className = 'shut'")
    assert not widget.host.evaluate(SHOWN)
    widget.page.evaluate("document.documentElement.className = ''")
    assert widget.host.evaluate(SHOWN)
    widget.host.evaluate("e => e.hidden = true")
    assert not widget.host.evaluate(SHOWN)


def test_the_element_takes_no_room_in_the_page(visit):
    loud = "<style>* { display: block !important; padding: 30px; border: 3px solid }</style>"
    widget = visit(loud + embed() + "<p id=after>After</p>")
    before = "document.querySelector('#after').getBoundingClientRect().top"
    top = widget.page.evaluate(before)

    widget.host.evaluate("e => e.remove()")

    assert widget.page.evaluate(before) == top


def test_paper_shows_the_page_only(site, visit):
    talk(site)
    widget = visit().open()
    expect(widget.replies).to_have_count(2)
    widget.page.locator("chip-chat .picture").click()
    expect(widget.page.locator("chip-chat .lightbox")).to_be_visible()

    widget.page.emulate_media(media="print")

    for part in ("launcher", "panel", "lightbox"):
        expect(widget.page.locator(f"chip-chat .{part}")).to_be_hidden()


# What is cut: text wider or higher than what holds it, or beyond the window.
CUT = """root => [...root.querySelectorAll("*")].filter((e) => {
  if (!e.checkVisibility() || e.matches(".unseen, .unseen *, svg *, .log, .input")) return false;
  const box = e.getBoundingClientRect();
  const inWindow = e.closest(".log") ||
    (box.left > -1 && box.top > -1 && box.right < innerWidth + 1 && box.bottom < innerHeight + 1);
  const fits = getComputedStyle(e).display === "inline" ||
    (e.scrollWidth <= e.clientWidth + 1 && e.scrollHeight <= e.clientHeight + 2);
  return !inWindow || !fits;
}).map((e) => [e.className, e.scrollWidth, e.clientWidth, e.scrollHeight, e.clientHeight].join())"""


def enlarge(page, size):
    """Let the browser's own letters be of that size, as its settings can say."""
    client = page.context.new_cdp_session(page)
    client.send("Page.setFontSizes", {"fontSizes": {"standard": size, "fixed": size}})
    page.reload()


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
@pytest.mark.parametrize("size", [24, 32])
def test_large_letters_of_the_browser_are_large_here_and_nothing_is_cut(browser, phone, size):
    site = ScriptedSite(browser.person(phone=phone))
    talk(site)
    markup = "<style>html { font-size: 10px } chip-chat { font-size: 8px }</style>" + embed()
    page = site.page(markup)
    enlarge(page, size)
    widget = Widget(page).open()
    expect(widget.replies).to_have_count(2)
    site.chip.drop(4409)
    expect(widget.banner).to_be_visible()

    letters = widget.bubbles.last.evaluate("e => parseFloat(getComputedStyle(e).fontSize)")
    assert abs(letters - size * 15 / 16) < 0.1
    assert widget.host.evaluate(f"e => ({CUT})(e.shadowRoot)") == []
