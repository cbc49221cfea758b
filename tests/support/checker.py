"""The ledger of a reliability test: what was said, what was heard, and what went wrong between.

Pure bookkeeping: whoever plays a party writes down what it did, `check` compares.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class _Chat:
    said: list[str] = field(default_factory=list)
    accepted: set[str] = field(default_factory=set)
    heard: list[str] = field(default_factory=list)
    seen: set[object] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Findings:
    """What is wrong with one chat in one direction; each is a list of texts.

    `reordered` were heard after something that was said later.
    """

    chat: str
    lost: list[str]
    duplicated: list[str]
    reordered: list[str]
    invented: list[str]

    def __bool__(self) -> bool:
        return bool(self.lost or self.duplicated or self.reordered or self.invented)

    def __str__(self) -> str:
        kinds = ("lost", "duplicated", "reordered", "invented")
        found = ((kind, getattr(self, kind)) for kind in kinds)
        return "; ".join(f"{kind} {len(texts)}: {_few(texts)}" for kind, texts in found if texts)


class Direction:
    """One way, for all chats. Texts must be unique within a chat."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.repeated = 0
        self._chats: dict[str, _Chat] = {}

    def said(self, chat: str, text: str, *, accepted: bool = False) -> None:
        """Note that somebody says this. Until it is accepted, it may arrive or not."""
        self._chat(chat).said.append(text)
        if accepted:
            self.accepted(chat, text)

    def accepted(self, chat: str, text: str) -> None:
        """Note that Chip has promised to bring this."""
        self._chat(chat).accepted.add(text)

    def heard(self, chat: str, text: str, identity: object = None) -> None:
        """Note that this has arrived. Of what has an identity, only the first is shown."""
        record = self._chat(chat)
        if identity is not None and identity in record.seen:
            self.repeated += 1
            return
        if identity is not None:
            record.seen.add(identity)
        record.heard.append(text)

    def waiting(self) -> int:
        """Return how much was accepted and has not arrived yet."""
        return sum(len(chat.accepted.difference(chat.heard)) for chat in self._chats.values())

    def total(self) -> int:
        """Return how much was accepted."""
        return sum(len(chat.accepted) for chat in self._chats.values())

    def findings(self) -> list[Findings]:
        """Return what is wrong, chat by chat; nothing for those where nothing is."""
        compared = (_compare(name, chat) for name, chat in self._chats.items())
        return [findings for findings in compared if findings]

    def _chat(self, name: str) -> _Chat:
        return self._chats.setdefault(name, _Chat())


class Ledger:
    """Both directions: `incoming` is what visitors say, `outgoing` what is said to them."""

    def __init__(self) -> None:
        self.incoming = Direction("incoming")
        self.outgoing = Direction("outgoing")

    def shown(self, chat: str, events: Iterable[dict[str, Any]]) -> None:
        """Note what a visitor's browser received; like a browser, show each message once."""
        for event in events:
            if event["type"] == "chat_out":
                message = event["msg_out"]
                identity = message.get("uuid") or message["id"]
                self.outgoing.heard(chat, message["text"], identity)

    def arrived(self, chat: str, texts: Iterable[str]) -> None:
        """Note what Courier has recorded of a visitor's words."""
        for text in texts:
            self.incoming.heard(chat, text)

    def check(self) -> None:
        """Raise AssertionError with an account when anything is wrong."""
        lines = [
            f"{direction.name} {findings.chat}: {findings}"
            for direction in (self.incoming, self.outgoing)
            for findings in direction.findings()
        ]
        if lines:
            shown = "\n".join(lines[:20])
            raise AssertionError(f"{len(lines)} chats went wrong\n{shown}\n{self.summary()}")

    def summary(self) -> str:
        """Return one line with the totals."""
        parts = []
        for direction in (self.incoming, self.outgoing):
            found = direction.findings()
            parts.append(
                f"{direction.name}: {direction.total()} accepted,"
                f" {sum(len(each.lost) for each in found)} lost,"
                f" {sum(len(each.duplicated) for each in found)} duplicated,"
                f" {sum(len(each.reordered) for each in found)} reordered,"
                f" {direction.repeated} repeated and shown once"
            )
        return "; ".join(parts)


def _compare(name: str, chat: _Chat) -> Findings:
    places = {text: place for place, text in enumerate(chat.said)}
    counts = Counter(chat.heard)
    reordered, furthest = [], -1
    for text in dict.fromkeys(chat.heard):
        place = places.get(text, furthest)
        if place < furthest:
            reordered.append(text)
        furthest = max(furthest, place)
    return Findings(
        name,
        lost=[text for text in chat.said if text in chat.accepted and text not in counts],
        duplicated=[text for text, count in counts.items() if count > 1],
        reordered=reordered,
        invented=[text for text in counts if text not in places],
    )


def _few(texts: list[str]) -> str:
    return ", ".join(texts[:5]) + ("…" if len(texts) > 5 else "")
