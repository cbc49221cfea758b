"""Texts that repeat the visitor's last one: when they may go, and which go together.

Courier drops a text that equals the visitor's last one within 4 s, and answers as if it had taken
it. Picking up a message for the visitor makes it forget. Pure functions over a batch.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

from chip.chat.outbound.ports import Batch, CourierAnswer
from chip.models import Incoming, SpoolEvent

SAME_TEXT_HOLD: Final = 4100
"""Milliseconds after Courier's answer to a text before the same text may follow."""
MAX_REQUEST_TEXT: Final = 100_000
"""Characters of text in one request."""


def texts_of(events: Sequence[SpoolEvent]) -> list[str]:
    """What the visitor says in these."""
    return [event.text for event in events if isinstance(event, Incoming)]


def digest(text: str) -> str:
    """What stands for a text where the text itself need not be kept."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _repeats(batch: Batch, index: int) -> bool:
    """Whether that event says what Courier answered last."""
    event = batch.entries[index].event
    if not batch.last_text or not isinstance(event, Incoming):
        return False
    return digest(event.text) == batch.last_text


def hold_of(batch: Batch, index: int = 0) -> int:
    """Milliseconds until that event may go if no text goes before it, 0 for now."""
    if batch.since_last_text is None or not _repeats(batch, index):
        return 0
    return max(0, SAME_TEXT_HOLD - batch.since_last_text)


def was_dropped(batch: Batch, answer: CourierAnswer, last_text: str) -> bool:
    """Whether Courier has dropped the only text, which it names by the message before. It forgets
    that one when it picks up a message for the visitor, which may have been long on its way here.
    """
    same = (batch.last_text, [batch.last_confirmed]) == (last_text, list(answer.heard))
    return same and batch.since_last_text is None


def how_many_together(batch: Batch, most: int) -> int:
    """How many events may go in one request, `most` at most: one by one after a failure, and never
    a text right behind the same text, which Courier would drop, be there reports between. What
    repeats the text before is the last one of its request: what follows would be there first, if
    Courier dropped that."""
    if batch.tries:
        return 1
    last, length = None, 0
    for index, entry in enumerate(batch.entries[:most]):
        if isinstance(entry.event, Incoming):
            length += len(entry.event.text)
            # The first one's hold is over: see `_make`.
            again = (
                entry.event.text == last if last is not None else index and hold_of(batch, index)
            )
            if again or (index and length > MAX_REQUEST_TEXT):
                return index
            if last is None and _repeats(batch, index):
                return index + 1
            last = entry.event.text
    return min(len(batch.entries), most)
