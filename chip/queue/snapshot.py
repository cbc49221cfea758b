"""What the queues hold of one chat, at one moment, for whoever asks what became of a message.

Times are ages in milliseconds. No text and no e-mail is in it.
"""

from typing import Final, Literal, NamedTuple

import msgspec

from chip.models import DeliveryStatus, Incoming, MsgName, SpoolEvent

MOST_CHATS: Final = 100
"""Chats with something waiting that are found at most."""

_decoder: msgspec.json.Decoder[SpoolEvent] = msgspec.json.Decoder(SpoolEvent)


class WaitingMessage(NamedTuple):
    """A message that its visitor has not acknowledged."""

    name: MsgName
    age: int


class WaitingEvent(NamedTuple):
    """An event for Courier: what the visitor said, with the browser's own id for it, or a report on
    the message `name`. `ready_in` is how long a report still rests."""

    kind: Literal["said", "delivered", "failed"]
    age: int
    ref: str = ""
    name: MsgName = MsgName()
    ready_in: int = 0


def waiting_event(raw: bytes | str, age: int, ready_in: int = 0) -> WaitingEvent:
    """An event as both queues keep it."""
    event = _decoder.decode(raw)
    if isinstance(event, Incoming):
        return WaitingEvent("said", age, ref=event.ref)
    name = MsgName(event.id, event.uuid)
    return WaitingEvent(event.status, age, name=name, ready_in=max(0, ready_in))


class Sent(NamedTuple):
    """What is remembered of a message from Courier for `duplicate_memory_hours`: when it last came,
    and when it was taken out as what. None: not."""

    handed_over: int | None = None
    delivered: int | None = None
    failed: int | None = None


class HeldClaim(NamedTuple):
    """Who forwards the chat, for how long he has, and whether he has been heard of lately."""

    process: str
    age: int
    is_alive: bool
    under_way: int


class ChatSnapshot(NamedTuple):
    """A chat's outbox, its spool with the reports that rest beside it, and what is known of the
    attempts to forward it.

    `sent` is by name, such as ``m34634``. `due_in` is when to look at the chat next (None: nothing
    waits). `reason` says why the last attempt ended as it did (``""``: Courier took the events;
    None: it is not known that there was one). `listeners` are the processes that have the chat
    open, None where that cannot be seen from outside. `unknown` counts the events at the front
    that may have arrived.
    """

    outbox: list[WaitingMessage]
    spool: list[WaitingEvent]
    reports: list[WaitingEvent]
    sent: dict[str, Sent]
    claim: HeldClaim | None
    due_in: int | None
    tries: int
    failing_for: int
    unknown: int
    reason: str | None
    last_confirmed: str
    listeners: int | None

    @property
    def is_empty(self) -> bool:
        """Whether the queues know nothing of this chat."""
        known = (
            self.outbox,
            self.spool,
            self.reports,
            self.sent,
            self.last_confirmed,
            self.listeners,
        )
        return not any(known) and self.reason is None


def sent_by_name(ages: dict[str, int]) -> dict[str, Sent]:
    """The ages of ``m34634`` and ``m34634=delivered``, by message."""
    names = {name.partition("=")[0] for name in ages}
    statuses: tuple[DeliveryStatus, ...] = ("delivered", "failed")
    return {
        name: Sent(ages.get(name), *[ages.get(f"{name}={status}") for status in statuses])
        for name in names
    }
