"""What Chip's core needs from outside, as small protocols beside their users.

`Store` is where channels, contacts and messages are looked up; `Outbox`, `Notes` and `Live` are
sides of the queues. What the way to Courier needs is in `chip.chat.outbound.ports`. Adapters
satisfy these by shape and pass one and the same contract test each; they never import one another.

Every method may raise `chip.errors.Unavailable` when the party behind it does not answer; what it
was asked to do has then either happened whole or not at all, and may be asked again.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from chip.chat.outbound.ports import Appended, Spool
from chip.models import (
    Channel,
    ChatKey,
    Contact,
    HeardMessage,
    HistoryPage,
    MsgName,
    MsgOut,
    StoredMessage,
    User,
)

PAGE_MESSAGES: Final = 25
"""Messages on a page of history, not counting those that share the oldest one's time."""
MAX_HEARD: Final = 100
"""Messages that `Store.heard_since` returns at most."""
MAX_WIRED: Final = 1000
"""Messages that `SentMessages.wired` looks through at most, the newest ones."""


class Store(Protocol):
    """Channels, contacts, users and history: RapidPro's database, or the embedded one."""

    async def channel(self, uuid: str) -> Channel | None:
        """The active channel that pages call so (lower case)."""

    async def courier_channel(self, uuid: str, *, external: bool) -> Channel | None:
        """The active channel that Courier calls so (lower case): an External one, or one of type
        CHP."""

    async def contact(self, channel: Channel, chat_id: str) -> Contact | None:
        """The contact of the channel's org that has this chat."""

    async def user(self, user_id: int) -> User | None:
        """The active user with this id."""

    async def message(self, contact: Contact, name: MsgName) -> StoredMessage | None:
        """The contact's outgoing message with this id, or with this uuid where no id is given; or
        this chat's, which was queued before RapidPro moved the chat to this contact."""

    async def outgoing(self, contact: Contact, name: MsgName) -> MsgOut | None:
        """The same message with all that is shown of it."""

    async def history(
        self, contact: Contact, before: datetime, max_bytes: int
    ) -> HistoryPage | None:
        """The newest messages of this chat that are strictly before `before`: `PAGE_MESSAGES`, or
        fewer so as to fit into `max_bytes`, but always one where there is one. All that share the
        oldest one's time come with it, however many and large they are.

        None when the chat is not this contact's any more: RapidPro can move it to another one, and
        delete contacts."""

    async def set_email(self, contact: Contact, email: str, *, only_if_empty: bool = False) -> None:
        """Write the e-mail to the contact's URN, and touch the contact.

        Nothing happens where the URN shows it already; with `only_if_empty`, where it shows
        anything.
        """

    async def heard_since(
        self, contact: Contact, uuid: str, *, within: float
    ) -> list[HeardMessage]:
        """The incoming messages of this chat that came after the one with that uuid and within so
        many seconds, oldest first, `MAX_HEARD` at most.

        Where it is ``""``, or no message of this contact any more, all that came within that time:
        RapidPro can have moved the chat to this contact since, and left its messages behind."""


class WiredMessage(NamedTuple):
    """A message that Courier has handed over, as its row tells: `msg_out` is its JSON, `age` how
    many milliseconds ago it was sent."""

    name: MsgName
    msg_out: bytes
    age: int


class SentMessages(Protocol):
    """What Courier has handed over, as RapidPro's database knows it."""

    async def wired(
        self, channel: Channel, chat_id: str, *, since: float, lost: float, max_bytes: int
    ) -> list[WiredMessage]:
        """The messages of this chat that Courier has handed over by this channel and that were
        never reported as delivered, oldest first: those made within `since` seconds, and later than
        any that was reported before something was lost, `lost` seconds ago. So many that they fit
        into `max_bytes`, and then one more. None where the chat is nobody's (any more).

        Lookups do not wait for it: it may be asked for many chats at once."""


class OutboxItem(NamedTuple):
    """A message waiting for its visitor. `msg_out` is its JSON; `number` rises within a chat."""

    number: int
    id: str
    msg_out: bytes


class Loss(NamedTuple):
    """Something may have been lost with what stored it: `name` tells this time from others, `age`
    is how many milliseconds ago it was noticed, 0 where the clock was set back since."""

    name: str
    age: int


class Page(NamedTuple):
    """Some of an outbox. `head` is the newest number that this chat has given out, waiting or not;
    `more` says whether items beyond these are waiting. `loss` is one that the outbox was not filled
    after: messages may be missing."""

    head: int
    items: list[OutboxItem]
    more: bool
    loss: Loss | None = None


class Filled(NamedTuple):
    """The answer to `Outbox.fill`: how many messages were put back, and if more did not fit."""

    messages: int
    is_full: bool = False


class Acked(NamedTuple):
    """The answer to `Outbox.ack`: the message's number and its age in milliseconds."""

    number: int
    age: int


class Outbox(Protocol):
    """Messages waiting for their visitors, per chat, in order. They survive all restarts."""

    async def append(self, chat: ChatKey, name: MsgName, msg_out: bytes) -> Appended:
        """Store a message and push it to every process that has the chat open.

        ``repeated``: a message of this id or uuid was appended within `duplicate_memory_hours`. It
        is not stored twice; if it was taken out since, what was reported of it is reported again,
        because Courier's own status of the repetition goes over it.
        ``full``: the chat's outbox is at its limit; nothing is done.
        Also notes that something was said to the visitor, which ends the hold on a repeated text.
        """

    async def read(self, chat: ChatKey, after: int, limit: int, max_bytes: int) -> Page:
        """Items numbered above `after`, oldest first: at most `limit`, and at most `max_bytes` of
        ``msg_out`` in all, but always one where there is one."""

    async def ack(self, chat: ChatKey, name: MsgName) -> Acked | None:
        """Take a message out and leave a ``delivered`` report on it, in one step.

        None when no such message waits. Reports have room of their own, so an acknowledgement is
        always taken. A report joins the spool 1.5 s after the last `append` of its message at the
        soonest; nothing else waits for it. Other processes are told (`LiveListener.acked`).
        """

    async def fill(self, chat: ChatKey, loss: str, messages: Sequence[WiredMessage]) -> Filled:
        """Put back those of `messages`, oldest first, that neither wait nor were appended within
        `duplicate_memory_hours`: each before the first one that waits and has a higher id, and
        pushed like a new one. What waits behind it gets new numbers and is pushed again.

        `messages` are all that the chat can have lost by that `loss`, which is not named again
        unless some did not fit."""

    async def expire(self, limit: int) -> int:
        """Take out messages beyond the age limit, from at most `limit` chats, and leave a
        ``failed`` report on each. Returns how many were taken out. Every process is told
        (`LiveListener.acked`), this one too."""


class Notes(Protocol):
    """Small things to remember about chats for a while."""

    async def chat_made(self, chat: ChatKey, seconds: int) -> None:
        """This chat id was made just now; remember that for so long, while its contact may not be
        there yet."""

    async def was_chat_made(self, chat: ChatKey) -> bool:
        """Whether this chat id is remembered as made."""

    async def set_email(self, chat: ChatKey, email: str) -> None:
        """Remember the visitor's e-mail for 90 days."""

    async def email(self, chat: ChatKey) -> str:
        """The e-mail remembered for this chat, or ``""``."""


class LiveListener(Protocol):
    """Who hears what happens to open chats: the hub."""

    def arrived(self, chat: ChatKey, item: OutboxItem) -> None:
        """A message was appended to the chat's outbox."""

    def acked(self, chat: ChatKey, number: int) -> None:
        """Another process took a message out of the chat's outbox."""

    def told(self, chat: ChatKey, frame: bytes) -> None:
        """An event for every connection of the chat, whole. What the visitor said through another
        process comes this way too, as a ``msg_echo``."""

    def interrupted(self, chats: Iterable[ChatKey] | None = None) -> None:
        """Anything may have been missed until now of these chats, or of all where none are named;
        everything is heard again from now on."""


class Live(Protocol):
    """The push: what happens to a chat is heard at once by every process that has it open."""

    async def subscribe(self, chat: ChatKey) -> None:
        """Hear of this chat from now on. When this returns, nothing later is missed."""

    def unsubscribe(self, chat: ChatKey) -> None:
        """Stop hearing of this chat."""

    async def tell(self, chat: ChatKey, frame: bytes) -> None:
        """Send an event to every connection of the chat, in whatever process."""

    def listen(self, listener: LiveListener) -> None:
        """Set who hears. Called once, before anything is subscribed."""


class Depths(NamedTuple):
    """How much waits, and for how long: ages in seconds, 0 where nothing waits."""

    outbox_chats: int = 0
    outbox_oldest: float = 0.0
    spool_events: int = 0
    spool_oldest: float = 0.0


class Balance(NamedTuple):
    """What became of everything that was accepted one way, in all processes and since the queues
    were made: `accepted` = `done` + `given_up` + `waiting` + `missing`.

    `done` was acknowledged by its visitor, or confirmed by Courier; `given_up` has waited too long
    or was rejected, and somebody was told. `missing` is none of that and does not wait either: it
    was taken out by others, or lost with its storage.
    """

    accepted: int = 0
    done: int = 0
    given_up: int = 0
    waiting: int = 0
    missing: int = 0


class Balances(NamedTuple):
    """Messages for visitors, and events for Courier, reports on messages included."""

    to_visitors: Balance = Balance()
    to_courier: Balance = Balance()


class Queue(Protocol):
    """The queues together."""

    @property
    def outbox(self) -> Outbox:
        """Messages for visitors."""

    @property
    def spool(self) -> Spool:
        """Events for Courier."""

    @property
    def notes(self) -> Notes:
        """What is remembered."""

    @property
    def live(self) -> Live:
        """The push."""

    async def depths(self) -> Depths:
        """Count what waits now. Raises Unavailable when the queues cannot be reached, so it says
        too whether they can."""

    async def balances(self) -> Balances:
        """What became of everything that was ever accepted. Raises Unavailable."""
