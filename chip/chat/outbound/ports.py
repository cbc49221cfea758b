"""What the way to Courier needs from outside: the spool, where events wait, and the gateway.

Adapters satisfy these by shape and pass one contract test each. How an attempt ended is told here
once, as `Outcome`; it travels whole to every spool.

Every method of a spool may raise `chip.errors.Unavailable` when the storage does not answer; what
it was asked to do has then either happened whole or not at all, and may be asked again.
"""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, Protocol

import msgspec

from chip.limits import Limits
from chip.models import Channel, ChatKey, SpoolEvent

COURIER_DEADLINE: Final = 31
"""Seconds after a request was sent when Courier, which gives up after 30, is done with it."""
CLAIM_TRUSTED: Final = 5
"""Seconds after a claim was asked for when nothing may be sent on the strength of it any more: a
process that stood still for longer may have lost it, and another be at work on the chat."""
POST_WITHIN: Final = 1.0
"""Seconds that a post waits for its turn, where there is room for so many only."""
BATCH: Final = 50
"""Entries that one claim brings at most."""
ALIVE: Final = 12
"""Seconds for which a process counts as alive after its last `Spool.keep_alive`."""
ABANDONED: Final = 600
"""Seconds after which not even the process that holds a claim is believed to be at work on it: what
became of it could not be noted, and nobody tries to any more."""
REPORT_REST: Final = 1.5
"""Seconds that a report rests after the last send of its message. Courier writes what became of
messages in batches of half a second, and of two in one batch either may win."""


def claim_lasts(limits: Limits) -> float:
    """Seconds after a claim was granted when Courier is done with whatever was sent on the strength
    of it: at the last moment, after a wait for its turn and for a connection."""
    return CLAIM_TRUSTED + POST_WITHIN + limits.courier_connect_timeout + COURIER_DEADLINE


Appended = Literal["queued", "repeated", "full"]
"""What became of something that was to be stored: it waits, it was there before, or there is no
room. Only with ``queued`` anything was done."""

ClaimState = Literal["claimed", "elsewhere", "waiting", "idle"]
"""Who forwards a chat: this caller (who got a `Batch`), another process, nobody until
its due time (`waiting`), or nobody because its spool is empty (`idle`)."""


class SpoolEntry(NamedTuple):
    """One spooled event and its age in milliseconds."""

    event: SpoolEvent
    age: int


class Batch(NamedTuple):
    """A chat's oldest spooled events, claimed: nobody else forwards this chat meanwhile.

    `entries` are `BATCH` at most, oldest first. `unknown` counts those at the front that an
    earlier attempt may have delivered already. `last_confirmed` is the uuid of the last message
    that Courier confirmed for this chat (``None``: never noted). `last_text` is a digest of the
    text that Courier answered last (``""``: none), and `since_last_text` the milliseconds since
    then; None where something was stored for the visitor meanwhile, so that Courier seems to have
    forgotten the text. `grant` is a name
    that this claim alone has: settling twice, or too late, does nothing. `asked_at` is when the
    claim was asked for, by this process's own clock. `tries` counts failed attempts on the
    first entry, `failing_for` is the milliseconds since the first of them.
    """

    chat: ChatKey
    grant: str
    asked_at: float
    entries: list[SpoolEntry]
    unknown: int
    last_confirmed: str | None
    last_text: str
    since_last_text: int | None
    tries: int
    failing_for: int


class ClaimResult(NamedTuple):
    """Who forwards the chat now: its next batch if that is the caller, the milliseconds until it is
    due if it is waiting. After `Spool.settle` has removed something, or had done so before,
    `email` is what the visitor has told of himself by then (``""``: nothing)."""

    state: ClaimState
    batch: Batch | None = None
    delay: int = 0
    email: str = ""


class Spooled(NamedTuple):
    """The answer to `Spool.append`: what became of each event, and who forwards the chat now.

    ``waiting`` without a delay means that the caller should claim the chat as soon as it can.
    """

    results: list[Appended]
    claim: ClaimResult


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How an attempt on a batch ended: what a spool has to note of it.

    The first `remove` entries leave the spool; the first `rejected` of those because they will
    never be delivered: their refs may be used again. `last_confirmed` is the uuid of the last
    message that Courier confirmed, `last_text` a digest of the text that it answered last
    (``""``: nothing new). `failed` counts a failed try on the entry that is then first;
    otherwise the count starts afresh when anything was removed. The first `unknown` entries
    that remain may have arrived: the next claim gets them so. The chat is not claimed again
    before `delay` milliseconds from now. `reason` says in short why, for whoever asks what
    became of a message.
    """

    remove: int = 0
    rejected: int = 0
    last_confirmed: str = ""
    last_text: str = ""
    failed: bool = False
    unknown: int = 0
    delay: int = 0
    reason: str = ""


class Spool(Protocol):
    """Events waiting for Courier, per chat, in order, and who is at work on which chat.

    A *claim* belongs to a process (to a random token of its start). It is held while an attempt is
    under way and given up in the very step that settles the attempt, so that none is left.
    A process that stops calling `keep_alive` loses its claims: `claim_lasts` after they were
    granted, when Courier cannot be at work on what was sent, others may claim the chat, and get the
    events of that attempt as `Batch.unknown`.
    """

    async def append(
        self, chat: ChatKey, events: Sequence[SpoolEvent], *, last_confirmed: str, may_claim: bool
    ) -> Spooled:
        """Store events durably. An `Incoming` whose ref the chat has used is ``repeated``.

        `last_confirmed` is noted for the chat unless something newer is known. With `may_claim`, a
        chat that nobody has claimed and that is due is claimed in the same step. Other processes
        are told what the visitor said (`LiveListener.told`).
        """

    async def claim(self, chat: ChatKey) -> ClaimResult:
        """Claim the chat if it is due and nobody holds it."""

    async def settle(
        self, batch: Batch, outcome: Outcome, *, may_continue: bool = True
    ) -> ClaimResult:
        """Note how an attempt ended, and go on or give the claim up, in one step.

        With no delay and `may_continue`, the next batch comes back at once. Does nothing and
        answers ``elsewhere`` when the claim that `batch` came with is over: it was taken over, or
        settled already by a call whose answer was lost. Every claim that is granted, also by
        `settle` itself, has a name of its own (`Batch.grant`).
        """

    async def due(self, limit: int) -> list[ChatKey]:
        """Chats whose time has come, longest due first."""

    async def keep_alive(self) -> str:
        """Renew all claims of this process for `ALIVE` seconds. To be called thrice in each.

        ``""``, or in words for operators which part of the queues does not take that, where others
        do."""

    async def retire(self) -> None:
        """This process is done: whatever it still holds may be claimed as if it had died."""


AnswerKind = Literal[
    "handled", "declined", "refused", "channel_refused", "failed", "unsent", "unknown"
]


class CourierAnswer(NamedTuple):
    """What became of a request to Courier.

    ``handled``: Courier itself confirms every event, and `heard` holds the uuid of each message
    that it made, in order. ``declined``: Courier itself has not stored the event, and does not say
    that it never will. ``refused``: Courier itself says 4xx about an event.
    ``channel_refused``: Courier itself says 4xx about the channel: its secret, its type, or that
    there is none; that says nothing about the events. ``failed``: Courier itself says 5xx, or
    somebody before it does not let the request pass: nobody is at work on it. ``unsent``: it
    certainly never reached Courier. ``unknown``: it may have; Courier may be at work on it until
    30 s after it was sent. `detail` is short, for the log. `may_have_arrived` is for what failed in
    the words of somebody before Courier, which may have taken it all the same.
    """

    kind: AnswerKind
    heard: Sequence[str] = ()
    detail: str = ""
    may_have_arrived: bool = False


class Habits(NamedTuple):
    """What is peculiar to channels of one type: whether a chat's contact is made at its start, or
    by the visitor's first message; and how many events one request carries at most."""

    contact_at_start: bool
    events_at_once: int


class Gateway(Protocol):
    """Courier's side of a channel. No method raises; each takes `courier_timeout` at most."""

    def habits(self, channel: Channel) -> Habits:
        """What is peculiar to channels of this type."""

    async def start_chat(self, channel: Channel, chat_id: str) -> CourierAnswer:
        """Have Courier make the contact of a new chat, where contacts are made at the start."""

    async def post(
        self, channel: Channel, chat_id: str, events: Sequence[SpoolEvent]
    ) -> CourierAnswer:
        """Hand events to Courier in one request, to be handled in order."""
