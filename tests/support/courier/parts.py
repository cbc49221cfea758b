"""How Courier makes texts of messages, and parts of texts that are too long for a channel.

The rules are those of Courier's `GetTextAndAttachments` and `SplitText`, with their flaws: the
limit counts bytes but is only met where a letter ends on it.
"""

from __future__ import annotations

from collections.abc import Sequence

# A space that ends this many bytes before the limit, or fewer, ends a part.
_NEAR = 5


def whole_text(text: str, attachments: Sequence[str]) -> str:
    """Return the text with each attachment's URL, or place, on a line of its own behind it."""
    return "\n".join([text, *(one.partition(":")[2] or one for one in attachments)])


def split(text: str, limit: int) -> list[str]:
    """Return the parts of a text, at least one."""
    if len(text.encode()) <= limit:
        return [text]
    parts = []
    part: list[str] = []
    size = 0
    for letter in text:
        part.append(letter)
        size += len(letter.encode())
        if size == limit or (size >= limit - _NEAR and letter == " "):
            parts.append("".join(part).strip())
            part, size = [], 0
    if part:
        parts.append("".join(part).strip())
    return parts
