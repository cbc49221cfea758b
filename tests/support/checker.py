"""What is wrong with a history: what was lost, doubled, reordered or falsely reported.

Pure; it is proved by histories with one fault of each kind (tests/test_support_checker.py).

Order is kept between messages that were accepted. Of what was not, nobody has promised anything:
its sender gave it up, and it may arrive late, or not at all.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple, get_args

from tests.support.history import History, Way

Kind = Literal[
    "lost",
    "doubled as shown",
    "doubled as forwarded",
    "reordered",
    "falsely reported",
    "never reported",
    "invented",
    "failed",
]
"""``failed`` is a part of the system that ended by itself, or logged what it must not; the others
are about messages."""
KINDS: Final = get_args(Kind)


class Finding(NamedTuple):
    """What is wrong, with which message of which chat, and why that is so."""

    kind: Kind
    chat: str
    text: str
    why: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text} of chat {self.chat[:4]}…: {self.why}"


def check(history: History) -> list[Finding]:
    """Everything that is wrong with what was seen."""
    return [*check_messages(history), *_falsely_reported(history), *_never_reported(history)]


def check_messages(history: History) -> list[Finding]:
    """The same, where nobody has noted what Courier was told of messages."""
    return [
        *_lost(history),
        *_doubled_as_shown(history),
        *_doubled_as_forwarded(history),
        *_reordered(history),
        *_refused(history),
        *_invented(history),
    ]


def _lost(history: History) -> Iterable[Finding]:
    shown = {(one.chat, one.text) for one in history.shown}
    forwarded = {(one.chat, one.text) for one in history.forwarded}
    for one in history.accepted("in"):
        if (one.chat, one.text) not in forwarded:
            yield Finding("lost", one.chat, one.text, "accepted, and not in RapidPro's database")
    for one in history.accepted("out"):
        if (one.chat, one.text) not in shown:
            yield Finding("lost", one.chat, one.text, "accepted, and shown in no tab")


def _doubled_as_shown(history: History) -> Iterable[Finding]:
    """A tab shows each identity once, so a message under two of them stands there twice."""
    identities: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in history.shown:
        identities[one.chat, one.text].add(one.identity)
    for (chat, text), names in identities.items():
        if len(names) > 1:
            why = f"shown under {len(names)} identities"
            yield Finding("doubled as shown", chat, text, why)


def _doubled_as_forwarded(history: History) -> Iterable[Finding]:
    counts = Counter((one.chat, one.text) for one in history.forwarded)
    for (chat, text), count in counts.items():
        if count > 1:
            yield Finding(
                "doubled as forwarded", chat, text, f"{count} times in RapidPro's database"
            )


def _reordered(history: History) -> Iterable[Finding]:
    tabs: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in history.shown:
        if (one.chat, one.tab, one.text) not in history.fetched:
            tabs[one.chat, one.tab].append(one.text)
    for (chat, tab), texts in tabs.items():
        for text in _late(texts, _places(history, "out", chat)):
            yield Finding("reordered", chat, text, f"at tab {tab} after something said later")
    chats: dict[str, list[str]] = defaultdict(list)
    for there in history.forwarded:
        chats[there.chat].append(there.text)
    for chat, texts in chats.items():
        for text in _late(texts, _places(history, "in", chat)):
            yield Finding("reordered", chat, text, "forwarded after something said later")


def _places(history: History, way: Way, chat: str) -> dict[str, int]:
    texts = [one.text for one in history.accepted(way) if one.chat == chat]
    return {text: place for place, text in enumerate(texts)}


def _late(texts: Sequence[str], places: dict[str, int]) -> Iterable[str]:
    """Those that come, for the first time, after one whose place is behind theirs."""
    furthest = -1
    for text in dict.fromkeys(texts):
        place = places.get(text, furthest)
        if place < furthest:
            yield text
        furthest = max(furthest, place)


def _falsely_reported(history: History) -> Iterable[Finding]:
    first_shown: dict[tuple[str, str], float] = {}
    for shown in history.shown:
        first_shown.setdefault((shown.chat, shown.text), shown.at)
    for report in history.reports:
        shown_at = first_shown.get((report.chat, report.text))
        why = ""
        if report.status == "failed":
            why = "failed, though shown" if shown_at else "failed, though it may still be shown"
        elif shown_at is None:
            why = f"{report.status}, though no tab has had it"
        elif report.at < shown_at:
            why = f"{report.status}, {shown_at - report.at:.3f} s before a tab had it"
        if why:
            yield Finding("falsely reported", report.chat, report.text, why)


def _refused(history: History) -> Iterable[Finding]:
    for refusal in history.refused:
        yield Finding("falsely reported", refusal.chat, refusal.text, refusal.why)


def _never_reported(history: History) -> Iterable[Finding]:
    delivered = {(one.chat, one.text) for one in history.reports if one.status == "delivered"}
    shown = {(one.chat, one.text) for one in history.shown}
    for one in history.accepted("out"):
        if (one.chat, one.text) in shown - delivered:
            yield Finding("never reported", one.chat, one.text, "shown, and not reported delivered")


def _invented(history: History) -> Iterable[Finding]:
    said = {(one.chat, one.way, one.text) for one in history.said.values()}
    for way, seen in (("in", history.forwarded), ("out", history.shown)):
        for one in {(one.chat, one.text): one for one in seen}.values():
            if (one.chat, way, one.text) not in said:
                yield Finding("invented", one.chat, one.text, "nobody has said it")
