"""The pages can be used by everybody: axe-core finds nothing wrong with any state of them."""

from __future__ import annotations

from functools import cache

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import Agent, Visitor
from tests.widget.axe import STANDARD
from tests.widget.tools import installed


@cache
def _script() -> str:
    return (installed("axe-core") / "axe.min.js").read_text()


def complaints(page: Page) -> list[str]:
    """What axe finds wrong with a whole page, its chat left out: that has tests of its own."""
    page.evaluate(f"() => {{ {_script()} }}")
    found = page.evaluate(
        "how => axe.run({ exclude: ['chip-chat'] }, { runOnly: how })",
        {"type": "tag", "values": STANDARD},
    )
    return [
        f"{violation['id']}: {node['html'][:160]} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("device", [{}, {"dark": True}, {"phone": True}], ids=str)
def test_the_desk_in_every_state(browser, chip, device):
    agent = Agent(browser, chip, **device)
    if "phone" not in device:
        expect(agent.page.get_by_text("Nobody has written yet")).to_be_visible()
    assert complaints(agent.page) == []

    visitor = Visitor(browser, chip)
    visitor.opens_chat()
    visitor.says("Have a look: https://x.example/")
    expect(agent.entry("Have a look").locator(".count")).to_be_visible()
    assert complaints(agent.page) == []

    agent.opens("Have a look")
    agent.answers("Yes", quick_replies=("One", "Two"), link=f"{chip.url}/welcome/postcard.png")
    agent.sees_state("Yes", "Delivered")
    agent.page.get_by_role("button", name="Add a quick reply").click()
    agent.page.get_by_role("button", name="Attach by link").click()
    assert complaints(agent.page) == []

    chip.stop()
    expect(agent.banner).to_be_visible()
    assert complaints(agent.page) == []
    browser.problems.clear()


@pytest.mark.parametrize("device", [{}, {"dark": True}, {"phone": True}], ids=str)
def test_the_front_page_and_the_login_are_accessible(browser, chip, device):
    page = browser.page(chip.url, **device)
    expect(page.get_by_role("button", name="Say hello")).to_be_visible()
    assert complaints(page) == []
    page.goto(f"{chip.url}/desk/")
    assert complaints(page) == []
    browser.problems.clear()
