"""Chip's data model: channels, contacts, users, messages and events, as frozen values.

It owns their fields, and how messages and events are written as JSON: in the order of the fields.
It knows nothing of where they are stored or how they are sent.
"""

from typing import Final, Literal, NamedTuple

import msgspec

Origin = Literal["flow", "broadcast", "ticket", "chat"]
DeliveryStatus = Literal["delivered", "failed"]

UUID_FORM: Final = "[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
"""How a UUID is written, as a regular expression; in lower case."""
CHAT_ID_FORM: Final = "[a-zA-Z0-9]{24}"
"""How a chat id is written."""


class ChatKey(NamedTuple):
    """The key of one visitor's chat: in the queues, in Valkey's channels, in the hub."""

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
        """The chat in a log. The whole chat id must not be there: whoever has it can resume the
        chat."""
        return f"{self.chat_id[:4]}…@{self.channel_uuid[:8]}"


NOBODYS_CHAT: Final = ChatKey("0" * 24, "00000000-0000-0000-0000-000000000000")
"""A chat and a channel that there are not, for questions that are to find nothing."""


MAX_LENGTH: Final = 6400
"""Bytes: the most that RapidPro's form takes for an External channel's maximum length."""


class Channel(msgspec.Struct, frozen=True):
    """One website's chat.

    `uuid` is public: pages have it, and it is in the key of every chat. `secret` is what Courier
    proves itself by; with an empty one nothing is accepted from Courier. `external_uuid` is what
    Courier calls an External channel, ``""`` for a channel of type CHP. It must never be shown:
    whoever knows it can speak to Courier for any visitor whose chat id he knows. `courier` is the
    base URL of a Courier of the channel's own, whose database Chip does not see; ``""`` means the
    Courier that Chip is set to. `max_length` is how many bytes of text such a one sends at once.
    """

    uuid: str
    org_id: int
    secret: str
    external_uuid: str = ""
    courier: str = ""
    max_length: int = MAX_LENGTH

    @property
    def courier_uuid(self) -> str:
        """What Courier calls the channel."""
        return self.external_uuid or self.uuid


class Availability(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What pages may know of a channel before a chat begins, as its JSON is sent to them.

    `hours` are written as in `chip.desk.hours`, in the time `zone`; `available` and `away` are the
    owner's words within them and outside. `usually` is how many seconds an answer takes, measured,
    0 where that is not known.
    """

    hours: str = ""
    zone: str = ""
    available: str = ""
    away: str = ""
    usually: int = 0


class Contact(msgspec.Struct, frozen=True):
    """A visitor in RapidPro: the contact that has the URN ``webchat:<chat id>``.

    ``email`` is the URN's display, ``""`` when none is set. ``last_confirmed`` is the uuid of the
    newest incoming message on this URN, ``""`` when there is none. It tells messages that arrive
    later from those that were there before, without comparing clocks.
    """

    id: int
    urn_id: int
    chat_id: str
    email: str = ""
    last_confirmed: str = ""


class User(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who wrote an outgoing message. ``avatar`` is a whole URL, or empty."""

    id: int
    email: str
    name: str
    avatar: str = ""


class MsgOut(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message to the visitor, as its JSON is sent to browsers and stored in the outbox.

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
    """What identifies a message: its ``id``, its ``uuid``, or both. At least one is set.

    Courier up to 10.3.18 sends the id, later releases the uuid, and a browser acknowledges with
    whichever it was given.
    """

    id: int | None = None
    uuid: str = ""

    @property
    def outbox_id(self) -> str:
        """The id of its item in the outbox: ``m<id>``, or ``m<uuid>`` where there is no id."""
        return f"m{self.uuid if self.id is None else self.id}"


class StoredMessage(NamedTuple):
    """An outgoing message in the database. ``time`` is its creation time, RFC 3339."""

    id: int
    uuid: str
    time: str


class HeardMessage(NamedTuple):
    """An incoming message that has arrived in the database."""

    uuid: str
    text: str


class HistoryPage(NamedTuple):
    """Some of what was said. `messages` is a JSON array, newest first; `more` says whether there
    are older ones."""

    messages: bytes
    more: bool


class Incoming(msgspec.Struct, frozen=True, tag_field="kind", tag="in", omit_defaults=True):
    """An event for Courier: a message of the visitor. `ref` is the browser's own id for it."""

    text: str
    ref: str = ""


class Report(msgspec.Struct, frozen=True, tag_field="kind", tag="status", omit_defaults=True):
    """An event for Courier: what became of an outgoing message, with its id and uuid as known."""

    status: DeliveryStatus
    id: int | None = None
    uuid: str = ""


SpoolEvent = Incoming | Report
