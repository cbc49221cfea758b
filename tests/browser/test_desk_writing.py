"""Writing at the desk: input methods, the size of the field, keys."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.pages import Held

# What browsers say of a key while characters are being composed; Safari says it by the code alone.
COMPOSING = [{"isComposing": True, "keyCode": 229}, {"keyCode": 229}]


@pytest.fixture
def box(agent) -> Locator:
    """Where replies are written."""
    return agent.page.get_by_label("Reply", exact=True)


def presses(field: Locator, key: str, how: dict) -> None:
    """Press a key of which an input method makes something else."""
    field.dispatch_event("keydown", {"key": key, **how})


@pytest.mark.parametrize("how", COMPOSING, ids=str)
def test_enter_that_chooses_a_character_sends_nothing(agent, box, how):
    box.fill("日本")
    presses(box, "Enter", how)
    expect(box).to_have_value("日本")
    expect(agent.log.get_by_role("article").filter(has_text="日本")).to_have_count(0)


@pytest.mark.parametrize("how", COMPOSING, ids=str)
def test_escape_that_takes_a_character_back_closes_nothing(agent, box, how):
    agent.page.get_by_role("button", name="Add a quick reply").click()
    agent.page.get_by_role("button", name="Visitor 1", exact=True).click()
    for name in ("Reply", "Quick reply", "Name of this visitor"):
        field = agent.page.get_by_label(name, exact=True)
        presses(field, "Escape", how)
        expect(field).to_be_visible()
    search = agent.page.get_by_role("searchbox")
    search.focus()
    presses(search, "Escape", how)
    expect(search).to_be_focused()


@pytest.mark.parametrize("how", COMPOSING, ids=str)
def test_enter_that_chooses_a_character_of_a_quick_reply_stays_in_it(agent, how):
    agent.page.get_by_role("button", name="Add a quick reply").click()
    field = agent.page.get_by_role("textbox", name="Quick reply")
    field.fill("はい")
    presses(field, "Enter", how)
    expect(agent.page.get_by_role("textbox", name="Quick reply")).to_have_count(1)
    expect(field).to_be_focused()


def test_a_conversation_that_comes_late_leaves_the_focus_where_it_is(visitor, sit_down):
    visitor.says("hello")
    agent = sit_down()
    late = Held(agent.page, "**/desk/api/conversations/1?*")
    agent.opens("Visitor 1")
    box = agent.page.get_by_label("Reply", exact=True)
    expect(box).to_be_focused()
    agent.page.get_by_role("button", name="Visitor 1", exact=True).click()
    agent.page.keyboard.type("Jo")
    late.are_answered()
    late.come()
    agent.reads("hello")
    agent.page.keyboard.type("nas")

    expect(agent.page.get_by_label("Name of this visitor")).to_have_value("Jonas")
    expect(box).to_have_value("")


def test_enter_that_is_held_on_a_conversation_sends_nothing(agent, box):
    box.fill("This customer is an id")
    agent.page.keyboard.press("Escape")
    agent.entry("Visitor 1").focus()
    agent.page.keyboard.down("Enter")
    expect(box).to_be_focused()
    agent.page.keyboard.down("Enter")
    agent.page.keyboard.up("Enter")
    expect(box).to_have_value("This customer is an id")
    expect(agent.log.get_by_role("article").filter(has_text="This customer")).to_have_count(0)


def test_links_names_and_times_are_those_that_the_visitor_sees(agent, visitor):
    text = "See https://x.example/a_(b), www.x.example or ann@x.example."
    visitor.says(text)
    agent.reads(text)
    shown = [page.get_by_role("link") for page in (agent.log, visitor.log)]
    links = [each.evaluate_all("all => all.map(({ href }) => href)") for each in shown]
    assert links[0] == links[1]
    assert len(links[0]) == 3
    assert times_of_one_minute(agent, visitor) == 1


def times_of_one_minute(agent, visitor) -> int:
    """How many times both sides show for a message that is sent and received in one minute."""
    for attempt in range(5):
        minute = time.time() // 60
        visitor.says(f"What time is it? {attempt}")
        agent.reads(f"What time is it? {attempt}")
        if time.time() // 60 == minute:
            break
    return len({page.locator("time").last.inner_text() for page in (agent.log, visitor.log)})


def test_the_field_grows_with_text_that_wraps(box):
    low = box.bounding_box()["height"]
    box.fill("many words in one line " * 20)
    assert box.bounding_box()["height"] > low + 40
    box.fill("")
    assert box.bounding_box()["height"] == low


def test_a_draft_is_shown_in_full_where_style_sheets_cannot_fit_the_field(agent, box):
    agent.page.route("**/desk.css", without_field_sizing)
    agent.page.add_init_script("CSS.supports = () => false")
    agent.page.reload()
    agent.reads("hello")
    low = box.bounding_box()["height"]
    box.fill("many words in one line " * 20)
    agent.page.reload()
    agent.reads("hello")
    expect(box).not_to_have_css("height", f"{low:g}px")
    wide = box.bounding_box()["height"]
    assert wide > low + 40
    agent.page.set_viewport_size({"width": 900, "height": 800})
    expect(box).not_to_have_css("height", f"{wide:g}px")
    assert box.bounding_box()["height"] > wide


def without_field_sizing(route) -> None:
    """The style sheet as a browser without field-sizing reads it."""
    answer = route.fetch()
    route.fulfill(response=answer, body=answer.text().replace("field-sizing: content;", ""))


def test_each_message_of_a_visitor_has_its_time(agent, visitor):
    visitor.says("another")
    agent.reads("another")
    expect(agent.log.locator("article:not(.ours) time")).to_have_count(
        agent.log.locator("article:not(.ours)").count()
    )
