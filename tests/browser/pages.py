"""The two people of a conversation, in a browser each.

visitor.says("Where is my parcel?")
agent.opens("Where is my parcel?")
agent.answers("On its way")
visitor.reads("On its way")
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import Any

from playwright.sync_api import APIResponse, Locator, Page, Route, expect

from tests.support.browser import Browser
from tests.support.chip_process import ChipProcess


class Visitor:
    """Somebody on the front page, with the chat open."""

    def __init__(self, browser: Browser, chip: ChipProcess, **device: Any) -> None:
        self.page: Page = browser.person(**device).new_page()
        self.page.goto(chip.url)

    def opens_chat(self) -> None:
        """Open the chat by the page's button."""
        self.page.get_by_role("button", name="Say hello").click()
        expect(self.box).to_be_visible()

    @property
    def box(self) -> Locator:
        """Where he writes."""
        return self.page.get_by_role("textbox")

    @property
    def log(self) -> Locator:
        """What he sees of the conversation."""
        return self.page.get_by_role("log")

    def says(self, text: str) -> None:
        """Write and send."""
        self.box.fill(text)
        self.box.press("Enter")
        expect(self.log.get_by_text(text, exact=True).last).to_be_visible()

    def reads(self, text: str) -> None:
        """See a message, once."""
        expect(self.log.get_by_text(text, exact=True)).to_have_count(1)
        expect(self.log.get_by_text(text, exact=True)).to_be_visible()

    def chooses(self, reply: str) -> None:
        """Press a quick reply."""
        self.page.get_by_role("button", name=reply, exact=True).click()

    def sees_in_order(self, *texts: str) -> None:
        """See these messages one below the other."""
        expect(self.log.get_by_text(texts[-1], exact=True).last).to_be_visible()
        shown = self.log.inner_text()
        places = [shown.index(text) for text in texts]
        assert places == sorted(places), shown


class Agent:
    """Somebody at the desk."""

    def __init__(self, browser: Browser, chip: ChipProcess, **device: Any) -> None:
        self.context = browser.person(**device)
        self.page: Page = self.context.new_page()
        self.page.goto(desk_link(chip))
        self.is_connected()

    def is_connected(self) -> None:
        """Wait until the page hears what happens."""
        expect(self.page.locator("#desk:not(.cut-off)")).to_be_visible()

    @property
    def list(self) -> Locator:
        """The conversations."""
        return self.page.locator("#list")

    @property
    def log(self) -> Locator:
        """The messages of the open conversation."""
        return self.page.get_by_role("log")

    @property
    def banner(self) -> Locator:
        """What is said about the connection."""
        return self.page.locator("#banner")

    def entry(self, text: str) -> Locator:
        """The conversation in the list that shows this text."""
        return self.list.get_by_role("button").filter(has_text=text)

    def opens(self, text: str) -> None:
        """Open that conversation."""
        self.entry(text).click()
        expect(self.page.get_by_label("Reply", exact=True)).to_be_visible()

    def answers(self, text: str, quick_replies: tuple[str, ...] = (), link: str = "") -> None:
        """Write and send."""
        for reply in quick_replies:
            self.page.get_by_role("button", name="Add a quick reply").click()
            self.page.get_by_role("textbox", name="Quick reply").last.fill(reply)
        if link:
            self.page.get_by_role("button", name="Attach by link").click()
            self.page.get_by_label("Link of an attachment").fill(link)
        box = self.page.get_by_label("Reply", exact=True)
        box.fill(text)
        box.press("Enter")
        expect(box).to_have_value("")

    def reads(self, text: str) -> None:
        """See a message, once."""
        expect(self.log.locator(".bubble").get_by_text(text, exact=True)).to_have_count(1)

    def sees_state(self, text: str, state: str) -> None:
        """See what became of a message."""
        message = self.log.get_by_role("article").filter(has_text=text)
        expect(message.locator(".state")).to_contain_text(state)


class Held:
    """What a page asks for from now on: it is answered, and hears that, once the test says so."""

    def __init__(
        self, page: Page, asked: str | re.Pattern[str], *, times: int | None = None
    ) -> None:
        self._page = page
        self._asked: list[Route] = []
        self._answers: list[tuple[Route, APIResponse]] = []
        page.route(asked, self._hold, times=times)

    def _hold(self, route: Route) -> None:
        self._asked.append(route)

    def are_answered(self, count: int = 1) -> None:
        """Wait until so much is asked for, and let Chip answer."""
        while len(self._asked) < count:
            self._page.wait_for_timeout(10)
        self._answers += [(route, route.fetch()) for route in self._asked]
        self._asked.clear()

    def come(self) -> None:
        """Let the page have the answers, and do what it does with them."""
        for route, answer in self._answers:
            with self._page.expect_response(route.request.url) as come:
                route.fulfill(response=answer)
            come.value.finished()
        self._answers.clear()
        self._page.evaluate("new Promise((done) => setTimeout(done, 50))")


def could_not_be_sent(agent: Agent, chip: ChipProcess, text: str) -> None:
    """Chip could not send this reply, as the agent sees on coming back."""
    with closing(sqlite3.connect(chip.directory / "chip-data" / "chip.sqlite3")) as db, db:
        db.execute("UPDATE message SET status = 'F' WHERE text = ?", (text,))
    agent.page.reload()


def try_now(*pages: Page) -> None:
    """Let the pages find out now that Chip is back; else it may take them half a minute."""
    for page in pages:
        page.evaluate("dispatchEvent(new Event('online'))")


def desk_link(chip: ChipProcess) -> str:
    """The link that Chip has printed at its latest start."""
    return re.findall(r"Desk:\s+(\S+)", chip.log())[-1]
