"""What the heart of Chip needs from outside, as small protocols beside their users.

`Store` is where channels, contacts and messages are looked up; `Outbox`, `Spool`, `Notes` and
`Live` are the queues' four sides; `Gateway` is Courier. Adapters satisfy these by shape and pass
one and the same contract test each; they never import one another.

Every method may raise `chip.errors.Unavailable` when the party behind it does not answer; what it
was asked to do has then either happened whole or not at all, and may be asked again.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple, Protocol

from chip.models import (
    Channel,
    ChatKey,
    Contact,
    HeardMessage,
    MsgName,
    StoredMessage,
    User,
)
from chip.protocol.courier import Era, SpoolEvent


class Store(Protocol):
    """Channels, contacts, users and history: RapidPro's database, or the embedded one."""

    async def channel(self, uuid: str) -> Channel | None:
        """The active webchat channel with this uuid (lower case)."""

    async def contact(self, channel: Channel, chat_id: str) -> Contact | None:
        """The contact of the channel's org that has this chat."""

    async def user(self, user_id: int) -> User | None:
        """The active user with this id."""

    async def message(self, contact: Contact, name: MsgName) -> StoredMessage | None:
        """The contact's outgoing message with this id or uuid."""

    async def history(self, contact: Contact, before: datetime) -> bytes:
        """A page of this chat as a JSON array, newest first: 25 messages strictly before `before`,
        and with them all that share the oldest one's time."""

    async def set_email(self, contact: Contact, email: str, *, only_if_empty: bool = False) -> None:
        """Write the e-mail to the contact's URN, and touch the contact.

        With `only_if_empty`, nothing happens where the URN shows anything already.
        """

    async def heard_since(self, contact: Contact, last_heard: str) -> list[HeardMessage]:
        """The incoming messages of this chat that came after the one with the uuid `last_heard`,
        oldest first, a hundred at most; from the very first one when `last_heard` is ``""``.

        Empty when there is no such message any more: nobody can say then what came after it."""


class OutboxItem(NamedTuple):
    """A message waiting for its visitor. `msg_out` is its JSON; `number` rises within a chat."""

    number: int
    id: str
    msg_out: bytes


class Page(NamedTuple):
    """Some of an outbox. `head` is the newest number that this chat has given out, waiting or not;
    `more` says whether items beyond these are waiting."""

    head: int
    items: list[OutboxItem]
    more: bool


Appended = Literal["queued", "repeated", "full"]


class Batch(NamedTuple):
    """A chat's oldest spooled events, claimed: nobody else forwards this chat meanwhile.

    `entries` are a few dozen at most, oldest first. `unknown` counts those at the
    front that an earlier attempt may have delivered already. `last_heard` is the uuid of the last
    message that Courier confirmed for this chat (``None``: never noted). `last_text` is a digest
    of the text that Courier answered last, and `since_last_text` the milliseconds since then
    (``""`` and 0 when there is none, or something went out to the visitor meanwhile).
    `ticket` is a number that this claim alone has: settling twice, or too late, does nothing.
    `tries` counts failed attempts on the first entry, `failing_for` is the milliseconds since the
    first of them. `email` is what the visitor has told of himself (``""``: nothing).
    """

    chat: ChatKey
    ticket: int
    entries: "list[SpoolEntry]"
    unknown: int
    last_heard: str | None
    last_text: str
    since_last_text: int
    tries: int
    failing_for: int
    era: Era
    email: str


class SpoolEntry(NamedTuple):
    """One spooled event and its age in milliseconds."""

    event: SpoolEvent
    age: int


Claim = Literal["claimed", "elsewhere", "waiting", "idle"]
"""Who forwards a chat after a step: this caller (who got a `Batch`), another process, nobody until
its due time (`waiting`), or nobody because its spool is empty (`idle`)."""


class Spooled(NamedTuple):
    """The answer to `Spool.append`: what became of each event, and who forwards the chat now.

    ``waiting`` with `may_claim` false means that the chat is due and the caller should claim it as
    soon as it can.
    """

    results: list[Appended]
    claim: Claim
    batch: Batch | None


class Acked(NamedTuple):
    """The answer to `Outbox.ack`: the message's number, its age in milliseconds, and who forwards
    its report."""

    number: int
    age: int
    claim: Claim
    batch: Batch | None


class Outbox(Protocol):
    """Messages waiting for their visitors, per chat, in order. It outlives everything."""

    async def append(self, chat: ChatKey, name: MsgName, era: Era, msg_out: bytes) -> Appended:
        """Store a message and push it to every process that has the chat open.

        ``repeated``: a message of this id or uuid was appended within 24 hours; nothing is done.
        ``full``: the chat's outbox is at its limit; nothing is done.
        Also notes that this channel's Courier lives in `era`, and that something was said to the
        visitor (which ends the hold on a repeated text).
        """

    async def read(self, chat: ChatKey, after: int, limit: int, max_bytes: int) -> Page:
        """Items numbered above `after`, oldest first: at most `limit`, and at most `max_bytes` of
        ``msg_out`` in all, but always one where there is one."""

    async def ack(self, chat: ChatKey, name: MsgName, *, may_claim: bool) -> Acked | None:
        """Take a message out and spool its ``delivered`` report, in one step.

        None when no such message waits. Reports have room of their own in the spool, so an
        acknowledgement is always taken. Other processes are told (`LiveListener.acked`).
        """

    async def expire(self, limit: int) -> int:
        """Take out messages beyond the age limit, from at most `limit` chats, and spool a
        ``failed`` report for each. Returns how many were taken out."""


class Spool(Protocol):
    """Events waiting for Courier, per chat, in order, and who is at work on which chat.

    A *claim* belongs to a process (to a random token of its start). It is held while an attempt is
    under way and given up in the very step that settles the attempt, so that no event strands.
    A process that stops calling `keep_alive` loses its claims: 30 s after the attempt began, when
    Courier cannot be at work on it any more, others may claim the chat, and get the events of that
    attempt as `Batch.unknown`.
    """

    async def append(
        self, chat: ChatKey, events: Sequence[SpoolEvent], *, last_heard: str, may_claim: bool
    ) -> Spooled:
        """Store events durably. An `Incoming` whose ref the chat has used is ``repeated``.

        `last_heard` is noted for the chat unless something newer is known. With `may_claim`, a
        chat that nobody has claimed and that is due is claimed in the same step. Other processes
        are told what the visitor said (`LiveListener.echoed`).
        """

    async def claim(self, chat: ChatKey) -> tuple[Claim, Batch | None]:
        """Claim the chat if it is due and nobody holds it."""

    async def settle(
        self,
        batch: Batch,
        *,
        remove: int = 0,
        last_heard: str = "",
        last_text: str = "",
        forget_refs: Sequence[str] = (),
        failed: bool = False,
        unknown: int = 0,
        delay: int = 0,
        may_continue: bool = True,
    ) -> tuple[Claim, Batch | None]:
        """Say how an attempt ended, and go on or give the claim up, in one step.

        Removes the first `remove` entries. `last_heard` and `last_text` note what Courier
        confirmed (``""``: nothing new). `forget_refs` lets refused messages be sent again.
        `failed` counts a failed try on the entry that is now first; otherwise the count starts
        afresh when anything was removed. `unknown` entries at the front may have arrived: the next
        claim gets them so; when it is too early to find out, `delay` says so. Not before `delay`
        milliseconds from now is the chat claimed again; with 0 and `may_continue`, the next
        batch comes back at once.
        Does nothing and answers ``elsewhere`` when the claim that `batch` came with is over: it
        was taken over, or settled already by a call whose answer was lost. Every claim that is
        granted, also by `settle` itself, gets a ticket of its own.
        """

    async def due(self, limit: int) -> list[ChatKey]:
        """Chats whose time has come, longest due first."""

    async def keep_alive(self) -> None:
        """Renew all claims of this process. To be called every 4 s; they last 12 s."""

    async def retire(self) -> None:
        """This process is done: whatever it still holds may be claimed as if it had died."""


class Notes(Protocol):
    """Small things to remember about chats for a while."""

    async def chat_made(self, chat: ChatKey) -> None:
        """This chat id was made just now: for a minute, its contact may not be readable yet."""

    async def was_chat_made(self, chat: ChatKey) -> bool:
        """Whether this chat id was made in the last minute."""

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

    def echoed(self, chat: ChatKey, frame: bytes) -> None:
        """The visitor said something through another process: a whole ``msg_echo`` event."""

    def told(self, chat: ChatKey, frame: bytes) -> None:
        """An event for every connection of the chat, whole, from any process."""

    def interrupted(self) -> None:
        """Anything may have been missed until now; everything is heard again from now on."""


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


class CourierAnswer(NamedTuple):
    """What became of a request to Courier.

    ``handled``: 2xx, and `heard` holds the uuid of each message that Courier made, in order.
    ``refused``: Courier itself says 4xx. ``failed``: Courier itself says 5xx, and is done with it.
    ``unsent``: it certainly never reached Courier. ``unknown``: it may have; Courier may be at
    work on it until 30 s after it was sent. `detail` is short, for the log.
    """

    kind: Literal["handled", "refused", "failed", "unsent", "unknown"]
    heard: list[str]
    detail: str


class Gateway(Protocol):
    """Courier's side of a channel."""

    async def post(
        self, channel: Channel, chat_id: str, events: list[dict[str, object]]
    ) -> CourierAnswer:
        """Hand events to Courier in one request. Never raises; waits at most 35 s."""
