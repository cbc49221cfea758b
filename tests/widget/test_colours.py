"""Everything can be seen on what it stands on, whatever colour the site has chosen."""

import pytest
from playwright.sync_api import expect

from tests.widget.scripted_site import ScriptedSite, Widget, embed
from tests.widget.states import replaced, talk

CONTRAST = """(e, ground) => {
  const light = (colour) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
    const paint = canvas.getContext("2d");
    paint.fillStyle = colour;
    paint.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...paint.getImageData(0, 0, 1, 1).data].map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
  };
  const contrast = (one, other) => Math.max(light(one) / light(other), light(other) / light(one));
  const style = getComputedStyle(e);
  const under = getComputedStyle(ground).backgroundColor;
  const clear = "rgba(0, 0, 0, 0)";
  const painted = (colour) => (colour === clear ? under : colour);
  const [fill, edge] = [painted(style.backgroundColor), painted(style.borderTopColor)];
  return {
    area: contrast(fill, under),
    edge: parseFloat(style.borderTopWidth) >= 1 ? contrast(edge, under) : 1,
    letters: contrast(style.color, fill),
  };
}"""


def seen(widget, part):
    """Return the contrasts of that part with the panel below it."""
    return part.evaluate(CONTRAST, widget.panel.element_handle())


@pytest.fixture(params=["light", "dark"])
def talking(request, browser):
    site = ScriptedSite(browser.person(dark=request.param == "dark"))
    talk(site)
    widget = Widget(site.page()).open()
    expect(widget.replies).to_have_count(2)
    return widget


def test_ones_own_messages_can_be_told_from_the_ground_in_any_colour(talking):
    own = talking.message("Thank you").locator(".bubble")
    talking.input.fill("x")
    for accent in ("white", "#fdfdfd", "black", "#17191d", "#202328", "#eeeeee", "#0f766e"):
        talking.host.evaluate("(e, accent) => e.setAttribute('accent', accent)", accent)
        for part in (own, talking.launcher, talking.send_button):
            contrasts = seen(talking, part)
            assert max(contrasts["area"], contrasts["edge"]) >= 1.4, accent
            assert contrasts["letters"] >= 4.5, accent


def test_ones_own_emoji_can_be_seen(site, visit):
    # A heart without a variation selector is a letter in many fonts.
    widget = visit(embed(accent="#0f766e")).open()
    widget.write("❤")
    site.chip.say("❤")
    expect(widget.bubbles).to_have_count(2)

    for bubble in widget.bubbles.all():
        assert seen(widget, bubble)["letters"] >= 4.5


def test_a_chat_that_goes_on_elsewhere_is_no_alarm(site, visit):
    talk(site)
    widget = visit()
    replaced(site, widget)
    raised = "e => getComputedStyle(e.querySelector('.message:not(.own) .bubble')).backgroundColor"
    ground = widget.banner.evaluate("e => getComputedStyle(e).backgroundColor")

    assert ground == widget.log.evaluate(raised)
    assert seen(widget, widget.banner)["letters"] >= 4.5


@pytest.mark.parametrize(
    ("page", "attribute", "dark"),
    [
        ("", "", True),
        ("<style>:root { color-scheme: light }</style>", "", False),
        ("<style>:root { color-scheme: only light }</style>", "auto", False),
        ("<style>:root { color-scheme: light dark }</style>", "", True),
        ("<style>:root { color-scheme: dark }</style>", "light", False),
        ("<meta name='color-scheme' content='light'>", "", False),
        ("<style>chip-chat { color-scheme: light }</style>", "", False),
    ],
)
def test_the_theme_is_the_sites_then_the_pages_then_the_devices(browser, page, attribute, dark):
    site = ScriptedSite(browser.person(dark=True))
    widget = Widget(site.page(page + (embed(theme=attribute) if attribute else embed()))).open()

    ground = widget.panel.evaluate("e => getComputedStyle(e).backgroundColor")
    assert ground == ("rgb(23, 25, 29)" if dark else "rgb(255, 255, 255)")


@pytest.mark.parametrize(
    "switch",
    [
        "document.documentElement.classList.add('night')",
        "document.querySelector('meta[name=color-scheme]').content = 'dark'",
        "document.querySelector('#dusk').media = 'all'",
        """document.head.append(Object.assign(
             document.createElement("link"), { rel: "stylesheet", href: "/night.css" }))""",
    ],
    ids=["class", "meta", "media", "link"],
)
def test_the_theme_follows_a_page_that_changes_its_own(site, visit, switch):
    night = {"body": ":root { color-scheme: dark }", "content_type": "text/css"}
    site.context.route("**/night.css", lambda route: route.fulfill(**night))
    head = """<meta name="color-scheme" content="light">
      <style>.night { color-scheme: dark }</style>
      <style id="dusk" media="print">:root { color-scheme: dark }</style>"""
    widget = visit(head=head).open()
    ground = "e => getComputedStyle(e).backgroundColor"
    assert widget.panel.evaluate(ground) == "rgb(255, 255, 255)"

    widget.page.evaluate(switch)

    widget.until(lambda: widget.panel.evaluate(ground) == "rgb(23, 25, 29)", "the night")


def test_the_colour_follows_a_page_that_changes_its_own(visit):
    style = "<style>.new chip-chat { --chip-accent: rgb(1, 2, 3) }</style>"
    widget = visit(style + embed())

    widget.page.evaluate("document.body.classList.add('new')")

    expect(widget.launcher).to_have_css("background-color", "rgb(1, 2, 3)")


def test_the_theme_follows_a_body_that_came_later(visit):
    widget = visit("<style>.night { color-scheme: dark }</style>" + embed(theme="auto")).open()
    widget.page.evaluate(
        """() => {
          const body = document.createElement("body");
          body.append(...document.body.childNodes);
          document.body.replaceWith(body);
        }"""
    )
    ground = "e => getComputedStyle(e).backgroundColor"
    widget.until(lambda: widget.panel.evaluate(ground) == "rgb(255, 255, 255)", "the day")

    widget.page.evaluate("document.body.classList.add('night')")

    widget.until(lambda: widget.panel.evaluate(ground) == "rgb(23, 25, 29)", "the night")


def test_links_have_the_sites_colour_and_ones_own_that_of_the_text(site, visit):
    widget = visit(embed(accent="#0b57d0")).open()
    site.chip.say("See https://shop.example/new")
    widget.write("I saw https://shop.example/new")
    expect(widget.message("I saw")).to_contain_text("Sent")
    colour = "e => getComputedStyle(e).color"

    theirs, own = widget.bubbles.locator("a").all()

    assert theirs.evaluate(colour) == "rgb(11, 87, 208)"
    assert own.evaluate(colour) == "rgb(255, 255, 255)"


def test_a_page_that_changes_other_things_has_nothing_painted_anew(visit):
    widget = visit()
    painted = widget.page.evaluate(
        """async () => {
          const root = document.querySelector("chip-chat").shadowRoot.querySelector(".root");
          let painted = 0;
          new MutationObserver(() => painted++).observe(root, { attributes: true });
          for (let change = 0; change < 5; change++) {
            document.body.dataset.change = document.title = change;
            await new Promise((resolve) => setTimeout(resolve));
          }
          return painted;
        }"""
    )

    assert painted == 0
