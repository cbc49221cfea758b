"""A message that Courier has sent on an External channel, put together again from what was sent.

A long text comes in parts that have one id, one request each, in order. The limit is in bytes:
within its last 6 bytes a space ends a part, else the limit does; a limit that no letter ends on is
missed, and the next space ends the part. Parts are trimmed. Quick replies come with the last part.
Of an attachment there is the URL alone, on a line behind the text; of a place ``-2.9,30.1``.

Pure functions. Where Chip sees RapidPro's database, none of them are needed.
"""

import re
from collections.abc import Sequence
from typing import Final

from chip.protocol.attachments import is_url, typed

TRIMMED: Final = 50
"""Bytes that a part may be shorter than the limit, and another still follow: what was trimmed."""
_MEDIA: Final = ("image", "audio", "video")
_URL: Final = re.compile(r"https?://\S+")
_PLACE: Final = re.compile(r"-?\d{1,2}\.\d+,-?\d{1,3}\.\d+")


def may_go_on(text: str, quick_replies: Sequence[str], limit: int) -> bool:
    """Whether another part may follow this one."""
    return not quick_replies and len(text.encode()) >= limit - TRIMMED


def position(text: str, known: Sequence[str], heard: int, *, goes_on: bool) -> int:
    """Which part of the message this is: one of those that are `known`, sent again, or a new one
    behind them.

    What failed is sent again from the first part on. `heard` is how many parts have come since, and
    `goes_on` whether the last one came only a moment ago. Parts can be alike.
    """
    if not goes_on and known and known[0] == text:
        return 0
    again = (index for index in range(heard, len(known)) if known[index] == text)
    return next(again, len(known))


def joined(parts: Sequence[str], limit: int) -> str:
    """The text whose parts these are, but for what was trimmed where it is not to be known."""
    *cut, last = parts
    return "".join(part + _between(part, limit) for part in cut) + last


def _between(part: str, limit: int) -> str:
    """What stood behind a part. One that is as long as the limit was cut by it, most likely within
    a word; the others at a space. A text without spaces has none there either. One byte less may be
    either: that a space at the part's end was trimmed is likelier than one at its beginning."""
    at_a_space = len(part.encode()) != limit and any(letter.isspace() for letter in part)
    return " " if at_a_space else ""


def parted(text: str) -> tuple[str, list[str]]:
    """The text proper, and the attachments behind it: images, sounds, films and places. Other URLs
    stay in the text, as links."""
    lines = text.split("\n")
    links: list[str] = []
    attachments: list[str] = []
    while lines:
        line = lines[-1]
        if _is_place(line):
            attachments.append(f"geo:{line}")
        elif not (_URL.fullmatch(line) and is_url(line)):
            break
        elif (attachment := typed(line)).startswith(_MEDIA):
            attachments.append(attachment)
        else:
            links.append(line)
        lines.pop()
    return "\n".join(lines + links[::-1]).strip("\n"), attachments[::-1]


def _is_place(line: str) -> bool:
    if not _PLACE.fullmatch(line):
        return False
    latitude, longitude = map(float, line.split(","))
    return abs(latitude) <= 90 and abs(longitude) <= 180
