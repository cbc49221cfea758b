"""What was found, in lines for a person: a word on what each is about, then what there is.

No text of a message, no e-mail, no secret, and of a chat id the first four characters.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from chip.models import ChatKey, MsgName
from chip.queue.snapshot import ChatSnapshot, Sent, WaitingEvent
from chip.store.found import FoundChat, FoundMessage

MOST_LISTED: Final = 20
"""Waiting things that are listed one by one; the others are counted."""

_STATUSES: Final = {
    "I": "initializing",
    "P": "pending",
    "Q": "queued: Courier has not handed it over yet",
    "W": "wired: Courier has handed it to Chip",
    "S": "sent",
    "D": "delivered",
    "R": "read",
    "E": "errored: Courier could not hand it over, and tries again",
    "F": "failed",
    "H": "handled",
}
_SPANS: Final = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s"))


def span(ms: int) -> str:
    """A length of time in its two largest units.

    >>> span(184_000)
    '3 min 4 s'
    """
    rest, parts = max(0, ms), list[str]()
    for size, unit in _SPANS:
        count, rest = divmod(rest, size)
        if count or parts:
            parts.append(f"{count} {unit}")
    shown = [part for part in parts[:2] if not part.startswith("0 ")]
    return " ".join(shown) or "0 s"


def message_lines(found: FoundMessage) -> Iterator[str]:
    """What the database says of a message."""
    way = "from the visitor" if found.direction == "I" else "to the visitor"
    status = _STATUSES.get(found.status, "unknown")
    yield f"message  {found.id}, uuid {found.uuid}"
    yield f"row      {way}, created {found.time}, status {found.status} ({status})"
    if found.chat is None:
        yield "chat     none: it is of no webchat"


def whereabouts(found: FoundMessage, seen: ChatSnapshot) -> str:
    """Where a message is now."""
    if found.direction == "I":
        last = ", the last one that it has confirmed" if seen.last_confirmed == found.uuid else ""
        return f"now      Courier has it{last}; nothing of it is kept here"
    name = MsgName(found.id, found.uuid)
    return f"now      {_outgoing(name, seen)}{_handed_over(name, seen)}"


def _outgoing(name: MsgName, seen: ChatSnapshot) -> str:
    for index, one in enumerate(seen.outbox, 1):
        if _same(one.name, name):
            return f"waits for its visitor, {index} of {len(seen.outbox)}, for {span(one.age)}"
    for event in seen.reports:
        if _same(event.name, name):
            return f"{event.kind}; the report rests, and may go in {span(event.ready_in)}"
    for index, event in enumerate(seen.spool, 1):
        if event.kind != "said" and _same(event.name, name):
            place = f"{index} of {len(seen.spool)}"
            return f"{event.kind}; the report waits for Courier, {place}, for {span(event.age)}"
    sent = _sent(name, seen)
    if sent.delivered is not None:
        return f"acknowledged {span(sent.delivered)} ago; Courier has taken the report"
    if sent.failed is not None:
        return f"given up {span(sent.failed)} ago; Courier has taken the report"
    if sent.handed_over is not None:
        return "waits no more, and no report was left: another program has taken it out"
    return "not here: Courier has not handed it over, or that is longer ago than is remembered"


def _handed_over(name: MsgName, seen: ChatSnapshot) -> str:
    ago = _sent(name, seen).handed_over
    return "" if ago is None else f"; last handed over by Courier {span(ago)} ago"


def _sent(name: MsgName, seen: ChatSnapshot) -> Sent:
    known = [seen.sent[key] for key in (f"m{name.id}", f"m{name.uuid}") if key in seen.sent]
    return known[0] if known else Sent()


def _same(one: MsgName, other: MsgName) -> bool:
    return (one.id is not None and one.id == other.id) or (
        one.uuid != "" and one.uuid == other.uuid
    )


def contact_lines(chat: ChatKey, found: FoundChat | None) -> Iterator[str]:
    """Whose chat it is; None when the database knows no such contact."""
    yield f"chat     {chat.label}, channel {chat.channel_uuid}"
    if found is None:
        yield "contact  none has this chat on this channel"
        return
    gone = "" if found.contact_is_active else ", deleted"
    closed = "" if found.channel_is_active else "; the channel is not active"
    yield f"contact  {found.contact_id}{gone}{closed}"


def queue_lines(seen: ChatSnapshot) -> Iterator[str]:
    """What waits for the chat, both ways, and who is at work on it."""
    yield f"open     {_open(seen.listeners)}"
    yield from _listed(
        "outbox   ",
        _count(len(seen.outbox), "message waits", "messages wait") + " for the visitor",
        [f"{_named(one.name)}, for {span(one.age)}" for one in seen.outbox],
    )
    yield from _listed(
        "spool    ",
        _count(len(seen.spool), "event waits", "events wait") + " for Courier",
        [f"{_event(one)}, for {span(one.age)}" for one in seen.spool],
    )
    yield from _listed(
        "reports  ",
        _count(len(seen.reports), "rests", "rest") + " before going to the spool",
        [f"{_event(one)}, for {span(one.ready_in)} more" for one in seen.reports],
    )
    if seen.claim:
        alive = "alive" if seen.claim.is_alive else "not heard of lately"
        yield (
            f"claim    held by process {seen.claim.process} ({alive}) for {span(seen.claim.age)},"
            f" {_count(seen.claim.under_way, 'event', 'events')} under way"
        )
    else:
        yield f"claim    held by nobody{_due(seen.due_in)}"
    yield f"attempt  {_attempts(seen)}"


def _open(listeners: int | None) -> str:
    if listeners is None:
        return "only the running Chip knows whether the visitor is there"
    return f"in {_count(listeners, 'process', 'processes')}" if listeners else "nowhere"


def _due(due_in: int | None) -> str:
    if due_in is None:
        return ""
    return f", due in {span(due_in)}" if due_in > 0 else f", due for {span(-due_in)}"


def _attempts(seen: ChatSnapshot) -> str:
    if seen.reason is None:
        return "none is known of"
    parts = [f"the last one ended: {seen.reason or 'Courier took it'}"]
    if seen.tries:
        parts.append(f"{_count(seen.tries, 'try', 'tries')} failed in {span(seen.failing_for)}")
    if seen.unknown:
        parts.append(f"{_count(seen.unknown, 'event', 'events')} may have arrived")
    if seen.last_confirmed:
        parts.append(f"the last message that Courier confirmed is {seen.last_confirmed}")
    return "; ".join(parts)


def _listed(title: str, head: str, items: Sequence[str]) -> Iterator[str]:
    yield f"{title}{head}"
    for item in items[:MOST_LISTED]:
        yield f"           {item}"
    if len(items) > MOST_LISTED:
        yield f"           and {len(items) - MOST_LISTED} more"


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _named(name: MsgName) -> str:
    if name.id is None:
        return f"uuid {name.uuid}" if name.uuid else "one that cannot be read"
    return f"{name.id}, uuid {name.uuid}" if name.uuid else str(name.id)


def _event(event: WaitingEvent) -> str:
    if event.kind != "said":
        return f"{event.kind} {_named(event.name)}"
    ref = event.ref if event.ref.isprintable() else ascii(event.ref)
    return f"said, ref {ref}" if ref else "said, without a ref"
