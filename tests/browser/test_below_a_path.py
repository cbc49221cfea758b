"""Chip below a path of a proxy: `public_url` says so, and every page finds the others."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.pages import Visitor
from tests.deploy.samples import nginx_below_a_path
from tests.support.chip_process import ChipProcess
from tests.support.fetch import fetch
from tests.support.process import ChildProcess, free_port

TOKEN = "a long and random token"


class Nginx(ChildProcess):
    """nginx, which serves a Chip below /chat."""

    name = "nginx"

    def __init__(self, port: int, backend: int) -> None:
        super().__init__()
        self._port = port
        self._backend = backend

    def command(self) -> list[str]:
        config = nginx_below_a_path(self.directory, self._backend, self._port, "/chat")
        return ["nginx", "-p", str(self.directory), "-c", str(config), "-e", "stderr"]

    def ready(self) -> bool:
        try:
            return fetch(f"http://127.0.0.1:{self._port}/chat/", timeout=5).status == 200
        except OSError:
            return False


@pytest.fixture
def chip(tmp_path):
    """A Chip that browsers reach by its proxy alone."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/chat"
    settings = {"public_url": url, "desk_token": TOKEN, "ops_listen": "off"}
    with ChipProcess(directory=tmp_path, **settings) as chip, Nginx(port, chip.port):
        chip.url = url
        yield chip
    chip.check_log()


def test_visitors_and_agents_talk_and_pictures_open(browser, chip):
    visitor = Visitor(browser, chip)
    visitor.opens_chat()
    visitor.says("Hello")
    visitor.reads("Hello! 👋")
    agent = browser.person().new_page()
    agent.goto(f"{chip.url}/desk")
    agent.get_by_label("Token").fill(TOKEN)
    agent.get_by_role("button", name="Sit down").click()
    expect(agent.locator("#desk:not(.cut-off)")).to_be_visible()
    expect(agent).to_have_url(f"{chip.url}/desk/")
    [cookie] = agent.context.cookies()
    assert cookie["path"] == "/chat/desk"
    agent.get_by_role("button", name="Visitor 1").click()
    agent.get_by_role("button", name="Attach by link").click()
    agent.get_by_label("Link of an attachment").fill(f"{chip.url}/welcome/postcard.png")
    agent.get_by_label("Reply", exact=True).fill("A person speaks")
    agent.get_by_role("button", name="Send").click()
    visitor.reads("A person speaks")
    agent.get_by_role("log").get_by_role("img").click()
    expect(agent.get_by_role("dialog")).to_be_visible()
    browser.problems.clear()  # 401 is an error to a browser.
