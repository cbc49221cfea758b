"""The archive: what is said on channels that name a Courier of their own.

Nobody else keeps it for Chip there, which does not see RapidPro's database. An adapter satisfies
this by shape; every method may raise `chip.errors.Unavailable`, as those of `chip.chat.ports` do.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from chip.models import Channel, ChatKey, MsgName, MsgOut, Report


class Part(NamedTuple):
    """A part of a message as it came. `name` has the uuid that the message goes by here, and
    Courier's number where it has one."""

    name: MsgName
    text: str
    quick_replies: Sequence[str]


class Kept(NamedTuple):
    """Where a part stands in its message, of how many `parts` until now, and how many of those wait
    to be shown. With no parts at all, the message was shown so long ago that they are forgotten."""

    position: int
    parts: int
    waiting: int


class Whole(NamedTuple):
    """A message to be shown under `name`, made of all parts before the position `end`."""

    name: MsgName
    msg_out: MsgOut
    end: int


class Unfinished(NamedTuple):
    """A message with parts that wait: its last one, how many seconds ago that came, and how many
    bytes its channel's parts have at most."""

    chat: ChatKey
    uuid: str
    text: str
    quick_replies: Sequence[str]
    age: float
    max_length: int


Place = Callable[[Sequence[str]], int]
"""Where a part belongs among those that are there: the position of the same one, or their count."""


class Archive(Protocol):
    """Contacts and messages of channels whose Courier's database is not seen."""

    async def said(self, channel: Channel, chat_id: str, text: str, uuid: str) -> None:
        """Keep what the visitor said, under the uuid that Courier gave it; once, however often it
        is told. Makes the contact."""

    async def reported(self, chat: ChatKey, report: Report) -> None:
        """Keep what became of a message."""

    async def keep_part(self, channel: Channel, chat_id: str, part: Part, place: Place) -> Kept:
        """Keep a part that has come. Makes the contact. Raises Refused when the message is another
        chat's, and QueueFull when too much of this chat waits."""

    async def whole(self, channel: Channel, chat_id: str, uuid: str) -> Whole | None:
        """Put what waits of a message into history, and return how it is shown; the message as it
        was shown where nothing waits. What follows on parts that were shown is a message of its
        own. None when there is no such message, or its parts are forgotten."""

    async def shown(self, chat: ChatKey, uuid: str, end: int) -> None:
        """The parts before the position `end` wait no more."""

    async def unfinished(self) -> list[Unfinished]:
        """What waits, oldest first."""
