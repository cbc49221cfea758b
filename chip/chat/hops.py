"""A line in the log for each hop of a message, at level debug: a search for its short id, or for
its chat, tells its journey.

    visitor to Courier    taken  stored  claimed  posted  answered
    Courier to visitor    received  stored  published  shown  acknowledged, and then of its report
                          claimed  posted  answered

What a visitor says goes by its ref, a message of Courier's by its id and uuid. Never in a line: a
text, a whole chat id.
"""

from collections.abc import Iterable
from typing import Literal

from twisted.logger import Logger

from chip.chat.outbound.ports import SpoolEntry
from chip.chat.ports import OutboxItem
from chip.models import ChatKey, Incoming, MsgName, Report

Hop = Literal[
    "taken",
    "received",
    "stored",
    "published",
    "shown",
    "acknowledged",
    "claimed",
    "posted",
    "answered",
]
Named = Incoming | Report | MsgName | OutboxItem | SpoolEntry


class HopLog:
    """Writes the lines while they are `wanted`; else it does nothing, and that quickly."""

    __slots__ = ("wanted",)

    _log = Logger()

    def __init__(self) -> None:
        self.wanted = False

    def set_level(self, level: str) -> None:
        """The log is written at this level from now on."""
        self.wanted = level == "debug"

    def tell(self, hop: Hop, chat: ChatKey, messages: Iterable[Named], *said: str) -> None:
        """These messages have come so far; `said` is what came of it."""
        if self.wanted:
            fields = {"said": " ".join(said)} if said else {}
            names = " ".join(map(_name, messages))
            self._log.debug("hop: {hop}", hop=hop, chat=chat.label, messages=names, **fields)


def _name(message: Named) -> str:
    match message:
        case Incoming(ref=ref):
            return ref or "-"
        case SpoolEntry(event=event):
            return _name(event)
        case OutboxItem(id=outbox_id):
            return outbox_id.removeprefix("m")
        case _:
            return "/".join(str(known) for known in (message.id, message.uuid) if known)


HOPS = HopLog()
"""The one of this process, which has one log."""
