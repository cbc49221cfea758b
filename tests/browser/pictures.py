"""The README's picture, taken of a real chat: a visitor's telephone beside the desk.

`make pictures` writes `chat-and-desk.png` and `chat-and-desk-dark.png` into docs/images.
"""

from __future__ import annotations

import base64
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.pages import Agent, Visitor
from tests.support.browser import Browser
from tests.support.chip_process import ChipProcess

SIZE = (1460, 790)
DESK = (980, 700)
PHONE = (340, 700)
_GROUND = {False: "#e7f0ed", True: "#0b1715"}
_SHEET = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; height: 100vh; display: flex; gap: 44px; align-items: center;
  justify-content: center; background: {ground}; }}
img {{ display: block; border-radius: 10px; box-shadow: 0 14px 40px #0003, 0 2px 8px #0002; }}
img + img {{ border-radius: 30px; border: 8px solid #16181d; }}
</style><img src="{desk}" width="{desk_width}"><img src="{phone}" width="{phone_width}">"""


def take(browser: Browser, directory: Path, *, dark: bool) -> Path:
    """Have a conversation at a Chip of its own, and take its picture."""
    with (
        tempfile.TemporaryDirectory() as home,
        ChipProcess(directory=Path(home), limits="off", ops_listen="off", desk_guide="off") as chip,
    ):
        picture = directory / ("chat-and-desk-dark.png" if dark else "chat-and-desk.png")
        talk(browser, chip, dark).screenshot(path=picture)
        browser.close_pages()
    return picture


def talk(browser: Browser, chip: ChipProcess, dark: bool) -> Page:
    """Return a page that shows both sides of a conversation."""
    agent = Agent(
        browser,
        chip,
        dark=dark,
        viewport={"width": DESK[0], "height": DESK[1]},
        device_scale_factor=2,
    )
    for text in ("Bonjour, où est mon colis ?", "Thank you, it arrived this morning!"):
        other = Visitor(browser, chip)
        other.opens_chat()
        other.says(text)
        expect(agent.entry(text)).to_be_visible()  # Visitors are numbered as they come.
    width, height = PHONE
    visitor = Visitor(
        browser,
        chip,
        phone=True,
        dark=dark,
        viewport={"width": width, "height": height},
    )
    visitor.opens_chat()
    visitor.says("Hello! Do you still have the blue kettle?")
    agent.page.get_by_role("button", name="Settings").click()
    agent.page.get_by_label("You answer as").fill("Amina")
    agent.page.get_by_role("button", name="Settings").click()
    agent.opens("blue kettle")
    agent.reads("Hello! Do you still have the blue kettle?")
    agent.page.get_by_role("button", name="Visitor 3", exact=True).click()
    agent.page.keyboard.type("Jonas")
    agent.page.keyboard.press("Enter")
    agent.answers("Hello! Yes, in two sizes.", quick_replies=("Small", "Large"))
    visitor.chooses("Large")
    agent.reads("Large")
    agent.answers("Good choice. I have put one aside for you.")
    agent.sees_state("Good choice", "Delivered")
    visitor.reads("Good choice. I have put one aside for you.")
    agent.page.get_by_label("Reply", exact=True).blur()
    agent.page.mouse.move(0, 0)
    return _together(browser, agent.page, visitor.page, dark)


def _together(browser: Browser, desk: Page, phone: Page, dark: bool) -> Page:
    size = {"width": SIZE[0], "height": SIZE[1]}
    page = browser.page(viewport=size, device_scale_factor=1)
    page.set_content(
        _SHEET.format(
            ground=_GROUND[dark],
            desk=_shot(desk),
            phone=_shot(phone),
            desk_width=DESK[0],
            phone_width=PHONE[0],
        )
    )
    expect(page.locator("img").last).to_be_visible()
    return page


def _shot(page: Page) -> str:
    return f"data:image/png;base64,{base64.b64encode(page.screenshot()).decode()}"


def main() -> None:
    """Take both pictures."""
    [target] = sys.argv[1:]
    with Browser() as browser:
        for dark in (False, True):
            print(take(browser, Path(target), dark=dark))


if __name__ == "__main__":
    main()
