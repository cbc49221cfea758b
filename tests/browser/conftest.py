"""A Chip that runs alone, and people in front of it."""

from __future__ import annotations

import pytest

from tests.browser.pages import Agent, Visitor
from tests.support.chip_process import ChipProcess


@pytest.fixture
def chip(tmp_path):
    """`twistd -n chip` with nothing configured but its port."""
    with ChipProcess(directory=tmp_path, limits="off", ops_listen="off") as chip:
        yield chip
    chip.check_log()


@pytest.fixture
def visitor(browser, chip):
    """A visitor with his chat open."""
    visitor = Visitor(browser, chip)
    visitor.opens_chat()
    return visitor


@pytest.fixture
def sit_down(browser, chip):
    """Somebody sits down at the desk, once the test says so."""
    return lambda **device: Agent(browser, chip, **device)


@pytest.fixture
def agent(visitor, sit_down):
    """Somebody at the desk who has opened the only conversation, in which a visitor says hello."""
    agent = sit_down()
    visitor.says("hello")
    agent.opens("hello")
    return agent
