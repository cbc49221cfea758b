"""The nouns of Chip: channels, contacts, users, messages and events, as frozen values.

This module owns what these things are, and how messages and events are written as JSON. It knows
nothing of where they are stored or how they travel. Field order is the order on the wire.
"""

from typing import Literal, NamedTuple

import msgspec

Origin = Literal["flow", "broadcast", "ticket", "chat"]
DeliveryStatus = Literal["delivered", "failed"]


class ChatKey(NamedTuple):
    """What names one visitor's chat everywhere: in queues, on the live channel, in the hub."""

    chat_id: str
    channel_uuid: str

    def __str__(self) -> str:
        return f"{self.chat_id}@{self.channel_uuid}"

    @classmethod
    def parse(cls, text: str) -> "ChatKey":
        chat_id, _, channel_uuid = text.partition("@")
        return cls(chat_id, channel_uuid)

    @property
    def label(self) -> str:
        """How a log names the chat: enough to follow it, too little to enter it."""
        return f"{self.chat_id[:4]}…@{self.channel_uuid[:8]}"


class Channel(msgspec.Struct, frozen=True):
    """One website's chat. A channel with an empty ``secret`` accepts nothing from Courier."""

    uuid: str
    org_id: int
    secret: str


class Contact(msgspec.Struct, frozen=True):
    """A visitor as RapidPro knows him: the contact that has the URN ``webchat:<chat id>``.

    ``email`` is the URN's display, ``""`` when none is set. ``last_heard`` is the uuid of the
    newest incoming message on this URN, ``""`` when there is none: what arrives later than it can
    be told apart from what was there before, without comparing clocks.
    """

    id: int
    urn_id: int
    chat_id: str
    email: str = ""
    last_heard: str = ""


class User(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who wrote an outgoing message. ``avatar`` is a whole URL, or empty."""

    id: int
    email: str
    name: str
    avatar: str = ""


class MsgOut(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message to the visitor, as its JSON goes to browsers and lies in the outbox.

    ``id`` is RapidPro's number; where only the uuid is known it is the uuid. ``time`` is UTC,
    RFC 3339 (see `chip.protocol.times`).
    """

    id: int | str
    uuid: str = ""
    text: str
    attachments: list[str] = []
    quick_replies: list[str] = []
    origin: Origin
    user: User | None = None
    time: str


class MsgIn(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message from the visitor, as history shows it."""

    id: int
    text: str
    attachments: list[str] = []
    ref: str = ""
    time: str


class MsgName(NamedTuple):
    """How a message is named: by ``id``, by ``uuid``, or by both. At least one is set.

    Couriers of different ages name messages differently, and a browser acknowledges with
    whichever name it was given.
    """

    id: int | None = None
    uuid: str = ""

    @property
    def outbox_id(self) -> str:
        """The item's name in the outbox: ``m<id>``, or ``m<uuid>`` where there is no id."""
        return f"m{self.uuid if self.id is None else self.id}"


class StoredMessage(NamedTuple):
    """What the database knows of an outgoing message. ``time`` is its creation time, RFC 3339."""

    id: int
    uuid: str
    time: str


class HeardMessage(NamedTuple):
    """An incoming message that has arrived in the database."""

    uuid: str
    text: str


class Incoming(msgspec.Struct, frozen=True, tag_field="kind", tag="in", omit_defaults=True):
    """Waiting for Courier: the visitor said something. `ref` is the client's own id for it."""

    text: str
    ref: str = ""


class Report(msgspec.Struct, frozen=True, tag_field="kind", tag="status", omit_defaults=True):
    """Waiting for Courier: what became of an outgoing message, by every name that it has."""

    status: DeliveryStatus
    id: int | None = None
    uuid: str = ""


SpoolEvent = Incoming | Report
