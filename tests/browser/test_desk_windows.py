"""Several windows of the desk in one browser."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.pages import Agent, Visitor, desk_link


def another_window(agent: Agent) -> Page:
    """One more window of this browser, that hears what happens."""
    page = agent.context.new_page()
    page.goto(agent.page.url)
    expect(page.locator("#desk:not(.cut-off)")).to_be_visible()
    return page


def test_eight_windows_hear_what_is_said_and_each_can_answer(visitor, sit_down):
    agent = sit_down()
    visitor.says("Hello")
    agent.opens("Hello")
    pages = [agent.page, *(another_window(agent) for _ in range(7))]
    visitor.says("Is anybody there?")
    for number, page in enumerate(pages):
        page.bring_to_front()
        expect(page.get_by_role("log").get_by_text("Is anybody there?")).to_be_visible()
        box = page.get_by_label("Reply", exact=True)
        box.fill(f"Desk {number}")
        box.press("Enter")
        visitor.reads(f"Desk {number}")


def test_what_cannot_be_asked_for_at_once_is_asked_for_again(visitor, sit_down, browser):
    agent = sit_down()
    visitor.says("Hello")
    agent.opens("Hello")
    lists, messages = "**/desk/api/conversations?*", "**/desk/api/conversations/1?*"
    for asked in (lists, messages):
        agent.page.route(asked, lambda route: route.fulfill(status=503, json={}), times=2)
    agent.page.reload()
    agent.reads("Hello")
    expect(agent.entry("Hello")).to_be_visible()
    browser.problems.clear()  # 503 is an error to the browser.


def test_signing_out_shows_the_sign_in_in_all_windows_at_once_and_keeps_what_was_typed(
    visitor, sit_down, browser, chip
):
    agent, elsewhere = sit_down(), sit_down()
    visitor.says("Where is my parcel?")
    agent.opens("my parcel")
    other = another_window(agent)
    draft = other.get_by_label("Reply", exact=True)
    draft.fill("Half an answ")
    agent.answers("Here", link=f"{chip.url}/welcome/postcard.png")
    other.get_by_role("log").get_by_role("img").click()
    expect(other.get_by_role("dialog")).to_be_visible()
    agent.page.once("dialog", lambda dialog: dialog.accept())  # It asks about the draft.
    agent.page.get_by_role("button", name="Settings").click()
    agent.page.get_by_role("button", name="Leave the desk").click()
    for page in (agent.page, other):
        expect(page.get_by_label("Token")).to_be_visible()
        expect(page.get_by_text("parcel")).to_have_count(0)
        expect(page.get_by_role("dialog")).to_have_count(0)
    other.keyboard.press("Escape")  # There is nothing here to be closed.
    elsewhere.is_connected()
    other.get_by_label("Token").fill("wrong")
    other.get_by_role("button", name="Sit down").click()
    expect(other.get_by_text("not the right one")).to_be_visible()
    other.get_by_label("Token").fill(token(chip))
    other.get_by_role("button", name="Sit down").click()
    expect(draft).to_be_visible()  # A page that was left earlier would not be signed in.
    expect(draft).to_have_value("Half an answ")
    other.reload()
    expect(draft).to_have_value("Half an answ")
    draft.fill("Half an answer")
    draft.press("Enter")
    visitor.reads("Half an answer")
    browser.problems.clear()  # 401 and 403 are errors to a browser.


def token(chip) -> str:
    """The token that Chip has printed."""
    return desk_link(chip).partition("token=")[2]


NO_SOCKETS = """
window.WebSocket = class extends EventTarget {
  constructor() {
    super();
    setTimeout(() => this.dispatchEvent(new CloseEvent("close", { code: 1006 })));
  }
  close() {}
};
"""


SILENT_SOCKETS = """
window.WebSocket = class extends EventTarget {
  close() { this.dispatchEvent(new CloseEvent("close", { code: 1006 })); }
};
"""


def test_a_socket_that_says_nothing_is_given_up_after_ten_seconds(browser, chip):
    page = browser.person().new_page()
    page.clock.install()
    page.add_init_script(SILENT_SOCKETS)
    page.goto(desk_link(chip))
    expect(page.locator("#list .ghost")).to_have_count(3)  # The modules run: it waits.
    page.clock.run_for(10_000)
    expect(page.locator("#banner")).to_contain_text("keeps WebSockets from Chip")
    browser.problems.clear()  # 426 is an error to the browser.


def test_a_network_without_websockets_leaves_a_desk_that_looks_by_itself(browser, chip, visitor):
    visitor.says("before")
    page = browser.person().new_page()
    page.add_init_script(NO_SOCKETS)
    page.goto(desk_link(chip))
    conversations = page.locator("#list").get_by_role("button")
    expect(conversations).to_have_count(1)
    expect(page.locator("#banner")).to_contain_text("keeps WebSockets from Chip")

    another = Visitor(browser, chip)
    another.opens_chat()
    another.says("after")
    # By then it may look every 10 s only.
    expect(conversations).to_have_count(2, timeout=30_000)
    browser.problems.clear()  # 426 is an error to the browser.
