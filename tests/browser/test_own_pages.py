"""Chip's own pages, whatever websites are allowed."""

from __future__ import annotations

import pytest

from tests.browser.pages import Visitor
from tests.support.chip_process import ChipProcess


@pytest.fixture
def chip(tmp_path):
    """A Chip for one website."""
    shop = "https://shop.example.org"
    with ChipProcess(directory=tmp_path, ops_listen="off", allowed_origins=shop) as chip:
        yield chip
    chip.check_log()


def test_the_chat_on_the_front_page_needs_no_entry_in_the_allowed_origins(browser, chip):
    visitor = Visitor(browser, chip)
    visitor.opens_chat()
    visitor.says("Hello")
    visitor.reads("Hello! 👋")
    browser.check()
