"""From a clone to an answered message: what the first screen of the README promises."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.support.process import eventually, free_port

ROOT = Path(__file__).parents[1]
PROMISE = 120.0
"""Seconds from the clone to the answer."""


@pytest.fixture
def clone(tmp_path):
    """The project's files as they are now, and nothing that was installed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tmp_path / name)
    return tmp_path


def test_a_clone_answers_its_first_message_within_two_minutes(clone, browser):
    began = time.monotonic()
    port = free_port()
    log = clone / "make.log"
    usual = {key: value for key, value in os.environ.items() if not key.startswith("CHIP_")}
    with log.open("w") as output:
        make = subprocess.Popen(
            ["env", "--default-signal=INT", "make", "run"],
            cwd=clone,
            env={**usual, "PORT": str(port), "CHIP_OPS_LISTEN": "off"},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        eventually(
            lambda: "Desk:" in log.read_text() or make.poll() is not None, "the links", PROMISE
        )
        links = dict(re.findall(r"^ *(\w+): +(http\S+)$", log.read_text(), re.MULTILINE))
        assert links.keys() == {"Chat", "Desk"}, log.read_text()
        assert links["Chat"] == f"http://localhost:{port}/"
        assert "Installing what Chip needs" in log.read_text()
        page = browser.person().new_page()
        page.goto(links["Chat"])
        page.locator("chip-chat .launcher").click()
        page.locator("chip-chat .input").fill("Hello, is anybody there?")
        page.locator("chip-chat .input").press("Enter")
        answers = page.locator("chip-chat article").filter(has_not_text="Hello, is anybody there?")
        expect(answers.first).to_be_visible()
        assert time.monotonic() - began < PROMISE
        desk = browser.person().new_page()
        desk.goto(links["Desk"])
        desk.get_by_role("button", name="Visitor 1").click()
        expect(desk.get_by_text("Hello, is anybody there?").first).to_be_visible()
        # As Ctrl-C does.
        os.killpg(make.pid, signal.SIGINT)
        make.wait(30)
        assert log.read_text().endswith("\nChip has stopped. Goodbye.\n"), log.read_text()
    finally:
        if make.poll() is None:
            os.killpg(make.pid, signal.SIGTERM)
            make.wait(30)
