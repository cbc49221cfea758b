"""What a test has seen: who said what to whom, and when each party had it. Pure bookkeeping.

Texts are unique within a chat, so a text names a message. Times are those of one machine's wall
clock, in seconds.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeVar

Way = Literal["in", "out"]
"""From a visitor, or to him."""


@dataclass(slots=True)
class Said:
    """A message. `accepted` is when Chip took it; until then it may arrive or not."""

    chat: str
    way: Way
    text: str
    at: float
    accepted: float | None = None


class Shown(NamedTuple):
    """A tab has had a message under this identity; browsers show each identity once."""

    at: float
    chat: str
    tab: str
    text: str
    identity: str


class Forwarded(NamedTuple):
    """RapidPro has this from a visitor."""

    at: float
    chat: str
    text: str


class Reported(NamedTuple):
    """Courier was told that a message is ``delivered`` or ``failed``."""

    at: float
    chat: str
    text: str
    status: str


class Refused(NamedTuple):
    """Somebody was told for good that a message will not arrive."""

    at: float
    chat: str
    text: str
    why: str


E = TypeVar("E", Shown, Forwarded, Reported, Refused)


@dataclass(slots=True)
class History:
    """Everything, in the order in which it happened to each party."""

    said: dict[tuple[str, Way, str], Said] = field(default_factory=dict)
    shown: list[Shown] = field(default_factory=list)
    forwarded: list[Forwarded] = field(default_factory=list)
    reports: list[Reported] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    fetched: set[tuple[str, str, str]] = field(default_factory=set)
    """Chats, tabs and texts that came with a page of history, which is put in its place."""

    def says(self, chat: str, way: Way, text: str, at: float | None = None) -> None:
        """Somebody says this."""
        self.said[chat, way, text] = Said(chat, way, text, _or_now(at))

    def accepts(self, chat: str, way: Way, text: str, at: float | None = None) -> None:
        """Chip has promised to bring this."""
        said = self.said[chat, way, text]
        said.accepted = said.accepted or _or_now(at)

    def shows(self, chat: str, tab: str, text: str, identity: str, at: float | None = None) -> None:
        """A tab was sent this."""
        self.shown.append(Shown(_or_now(at), chat, tab, text, identity))

    def fetches(self, chat: str, tab: str, text: str) -> None:
        """A tab has fetched history, and this is there."""
        if not any((one.chat, one.tab, one.text) == (chat, tab, text) for one in self.shown):
            self.fetched.add((chat, tab, text))

    def refuses(self, chat: str, text: str, why: str, at: float | None = None) -> None:
        """Somebody was told that this will not arrive."""
        self.refused.append(Refused(_or_now(at), chat, text, why))

    def accepted(self, way: Way) -> list[Said]:
        """What was accepted, in the order in which it was said."""
        return [one for one in self.said.values() if one.way == way and one.accepted]

    def not_shown(self) -> list[Said]:
        """What was accepted for visitors, and no tab has had."""
        shown = {(one.chat, one.text) for one in self.shown}
        return [one for one in self.accepted("out") if (one.chat, one.text) not in shown]

    def of(self, chat: str, text: str) -> list[str]:
        """What happened to a message, a line each, with the seconds since it was said."""
        lines: list[tuple[float, str]] = []
        for said in self.said.values():
            if (said.chat, said.text) == (chat, text):
                who = "the visitor" if said.way == "in" else "an agent"
                lines.append((said.at, f"said by {who}"))
                lines += [(said.accepted, "accepted by Chip")] if said.accepted else []
        lines += [
            (one.at, f"at tab {one.tab} as {one.identity}")
            for one in _about(self.shown, chat, text)
        ]
        lines += [(one.at, "in RapidPro's database") for one in _about(self.forwarded, chat, text)]
        lines += [(one.at, f"reported {one.status}") for one in _about(self.reports, chat, text)]
        lines += [(one.at, f"refused: {one.why}") for one in _about(self.refused, chat, text)]
        lines.sort()
        return [f"{at - lines[0][0]:+9.3f} s  {what}" for at, what in lines]


def _or_now(at: float | None) -> float:
    return time.time() if at is None else at


def _about(events: Iterable[E], chat: str, text: str) -> list[E]:
    return [one for one in events if one.chat == chat and one.text == text]
