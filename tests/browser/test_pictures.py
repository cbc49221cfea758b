"""The README's pictures can be taken again at any time."""

from __future__ import annotations

import re
import struct
from pathlib import Path

from tests.browser.pictures import SIZE, take

ROOT = Path(__file__).parents[2]


def size(picture: Path) -> tuple[int, int]:
    """Width and height of a PNG."""
    head = picture.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", head[16:])


def test_a_picture_is_taken_of_a_real_conversation(browser, tmp_path):
    assert size(take(browser, tmp_path, dark=False)) == SIZE


def test_the_readme_shows_pictures_that_there_are():
    shown = re.findall(
        r'src(?:set)?="https://github.com/chip-webchat/chip/raw/main/(docs/images/[^"]+)"',
        (ROOT / "README.md").read_text(),
    )
    assert [size(ROOT / picture) for picture in shown] == [SIZE, SIZE]
