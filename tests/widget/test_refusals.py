"""Browsers that refuse a service, leave it unanswered or lie about it: the chat goes on without."""

import pytest
from playwright.sync_api import expect

from tests.widget.scripted_site import CHANNEL, PAGE, ScriptedSite, Widget, embed

BLOCKED = """
const refuse = () => { throw new DOMException("no", "SecurityError"); };
for (const name of ["localStorage", "sessionStorage"])
  Object.defineProperty(window, name, { get: refuse });
if (navigator.locks) navigator.locks.request = async () => refuse();
"""
# As storage is where it is blocked: even to name it is refused.
NO_LOCKS = "Object.defineProperty(navigator, 'locks', { get: refuse });"
# What Firefox (white) and Brave (noise) answer where pages may not tell visitors apart.
WHITE_CANVAS = """
CanvasRenderingContext2D.prototype.getImageData = (x, y, w, h) =>
  new ImageData(new Uint8ClampedArray(4 * w * h).fill(255), w, h);
"""
NO_CANVAS = "HTMLCanvasElement.prototype.getContext = () => null;"


@pytest.mark.parametrize("locks", ["", NO_LOCKS], ids=["refused", "out of reach"])
def test_blocked_site_data_does_not_stop_the_chat(site, locks):
    site.context.add_init_script(BLOCKED + locks)
    widget = Widget(site.page()).open()
    widget.write("Hello")

    expect(widget.message("Hello")).to_contain_text("Sent")


def test_a_sandboxed_frame_has_a_chat_too(site):
    site.pages["/inside"] = PAGE.format(lang="en", head="", embed=embed())
    page = site.page('<iframe sandbox="allow-scripts" src="/inside" height="700"></iframe>')
    widget = Widget(page.frame_locator("iframe"))
    widget.launcher.click()
    widget.input.fill("Hello")
    widget.send_button.click()

    expect(widget.message("Hello")).to_contain_text("Sent")


def test_a_page_whose_policy_forbids_the_connection_promises_nothing(browser):
    policy = "default-src 'none'; script-src https://chat.example.org; img-src data:"
    site = ScriptedSite(browser.person(), csp=policy, socket=False)
    widget = Widget(site.page()).open(online=False)

    expect(widget.banner).to_contain_text("This chat is not available.")
    assert widget.page.evaluate("document.querySelector('chip-chat').state") == "refused"
    assert any("connect-src" in problem for problem in browser.problems)
    browser.problems.clear()


@pytest.mark.parametrize(
    ("host", "disposition"),
    [("chat.example.org", "report"), ("elsewhere.example", "enforce")],
    ids=["only reported", "another host"],
)
def test_a_policy_that_does_not_forbid_the_connection_is_not_blamed(
    site, browser, host, disposition
):
    site.context.route("**/wc/connect/*", lambda route: route.abort())
    widget = Widget(site.page())
    widget.page.evaluate(
        """([host, disposition]) => document.dispatchEvent(
          new SecurityPolicyViolationEvent("securitypolicyviolation", {
            blockedURI: `https://${host}/`, disposition, effectiveDirective: "connect-src",
            documentURI: location.href, violatedDirective: "connect-src", originalPolicy: "",
            statusCode: 200,
          }))""",
        [host, disposition],
    )
    widget.page.evaluate(
        "() => { window.WebSocket = class { constructor() {"
        " setTimeout(() => this.onclose({ type: 'close', code: 1006 })); } close() {} }; }"
    )
    widget.open(online=False)
    seen = []

    def ends():
        seen.append(widget.page.evaluate("document.querySelector('chip-chat').state"))
        return seen[-1] in ("waiting", "refused")

    widget.until(ends, "an end")

    assert seen[-1] == "waiting"
    browser.problems.clear()  # A request without an answer makes browsers complain.


def test_a_page_that_stands_still_with_its_turn_holds_nobody_up_for_long(site):
    still = site.page("")
    still.evaluate(
        "name => void navigator.locks.request(name, () => new Promise(() => {}))",
        f"chip:start:{CHANNEL}",
    )
    site.context.clock.install()
    widget = Widget(site.page(path="/other")).open(online=False)
    widget.write("Hello")
    expect(widget.message("Hello")).to_contain_text("Waiting to be sent")
    widget.page.clock.run_for(5000)

    expect(widget.message("Hello")).to_contain_text("Sent")


@pytest.mark.parametrize("protection", [WHITE_CANVAS, NO_CANVAS])
def test_colours_are_right_where_pictures_may_not_be_read(site, protection):
    site.context.add_init_script(protection)
    widget = Widget(site.page(embed(accent="#ffd60a")))

    style = "e => [getComputedStyle(e).backgroundColor, getComputedStyle(e).color]"
    assert widget.launcher.evaluate(style) == ["rgb(255, 214, 10)", "rgb(0, 0, 0)"]


@pytest.mark.parametrize(
    ("accent", "ground"),
    [
        ("hsl(120 100% 25%)", "rgb(0, 128, 0)"),
        ("rebeccapurple", "rgb(102, 51, 153)"),
        ("oklch(0.628 0.2577 29.23)", "rgb(255, 0, 0)"),
        ("color(display-p3 0 1 0)", "rgb(0, 255, 0)"),
        ("rgb(0 0 0 / 50%)", "rgb(0, 0, 0)"),
        ("nonsense", "rgb(15, 118, 110)"),
    ],
)
def test_every_form_of_colour_is_understood(visit, accent, ground):
    widget = visit(embed(accent=accent))

    assert widget.launcher.evaluate("e => getComputedStyle(e).backgroundColor") == ground


@pytest.mark.parametrize("languages", ["undefined", "[]", "['en-US@posix', 'C']"])
def test_odd_languages_are_no_reason_to_be_silent(site, languages):
    site.context.add_init_script(
        f"Object.defineProperty(navigator, 'languages', {{ get: () => {languages} }})"
    )
    widget = Widget(site.page(lang="en_US.UTF-8")).open()
    widget.write("Hello")

    expect(widget.message("Hello")).to_contain_text("Sent")


def test_words_that_never_come_are_english_words(site):
    site.context.add_init_script("window.fetch = () => new Promise(() => {});")
    site.context.clock.install()
    page = site.page(embed(lang="fr"))
    page.locator("chip-chat").wait_for(state="attached")
    page.clock.run_for(3000)

    widget = Widget(page).open()
    expect(widget.input).to_have_attribute("placeholder", "Write a message")
