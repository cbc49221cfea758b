"""Events waiting for Courier, and who is at work on them (`ports.Spool`)."""

from collections.abc import Sequence
from itertools import count
from typing import Any, Final

import msgspec

from chip.chat.outbound.ports import Appended, Batch, ClaimResult, Outcome, Spooled
from chip.models import ChatKey, Incoming, SpoolEvent
from chip.queue.valkey.commands import Commands
from chip.queue.valkey.entries import parse_claim_result
from chip.queue.valkey.errors import AnswerLost
from chip.queue.valkey.keys import Keys
from chip.queue.valkey.scripts import Script, Scripts
from chip.tasks import Clock

_json = msgspec.json.Encoder().encode
REMEMBER_LOST: Final = 120.0
"""Seconds for which a claim is remembered whose answer was lost."""
_RESULTS: Final[dict[str, Appended]] = {"q": "queued", "r": "repeated", "f": "full"}


class ValkeySpool:
    """Spools, and the claims that this process holds, by its token.

    Each claim that is asked for has a name of its own. So a claim whose answer was lost on the way
    is known to be nobody's: the chat is taken up again at once, and not only when Courier cannot be
    at work on it any more.
    """

    def __init__(
        self,
        scripts: Scripts,
        commands: Commands,
        keys: Keys,
        token: str,
        clock: Clock,
    ) -> None:
        self._commands = commands
        self._keys = keys
        self._token = token.encode()
        self._clock = clock
        self._numbers = count(1)
        # The claim that this process works with, by chat.
        self._known: dict[ChatKey, bytes] = {}
        # The claims whose answers were lost, with the time of asking; and the chats of these that
        # are still to be taken up again.
        self._lost: dict[ChatKey, list[tuple[bytes, float]]] = {}
        self._to_take_up: dict[ChatKey, None] = {}
        self._append = scripts.script("spool_append", "mark", "claims", keys=11)
        self._claim = scripts.script("spool_claim", "mark", "claims", keys=10)
        self._settle = scripts.script("spool_settle", "mark", "claims", keys=11)
        self._due = scripts.script("spools_due", keys=1, stores=False)
        self._due_calls: dict[int, bytes] = {}
        self._alive = scripts.script("alive", keys=1)

    async def append(
        self, chat: ChatKey, events: Sequence[SpoolEvent], *, last_confirmed: str, may_claim: bool
    ) -> Spooled:
        """Store events durably, and claim the chat if nobody has and it may be."""
        raw = str(chat).encode()
        arguments = [
            b"1" if may_claim else b"0",
            last_confirmed.encode(),
            self._keys.live(raw),
        ]
        for event in events:
            arguments.append(b"=" + event.ref.encode() if isinstance(event, Incoming) else b"-")
            arguments.append(_json(event))
        names = [*self._keys.spool(raw), self._keys.mark, self._keys.refs(raw)]
        (results, *rest), asked_at = await self._ask(self._append, chat, names, arguments)
        found = [_RESULTS[letter] for letter in results.decode()]
        return Spooled(found, self._claim_result(chat, rest, asked_at))

    async def claim(self, chat: ChatKey) -> ClaimResult:
        """Claim the chat if it is due and nobody holds it."""
        names = [*self._keys.spool(str(chat).encode()), self._keys.mark]
        claim = self._claim_result(chat, *await self._ask(self._claim, chat, names, []))
        self._to_take_up.pop(chat, None)
        return claim

    async def settle(
        self, batch: Batch, outcome: Outcome, *, may_continue: bool = True
    ) -> ClaimResult:
        """Note how an attempt ended, and go on or give the claim up."""
        chat, grant = batch.chat, batch.grant.encode()
        raw = str(chat).encode()
        (email, *answer), asked_at = await self._ask(
            self._settle,
            chat,
            [*self._keys.spool(raw), self._keys.mark, self._keys.refs(raw)],
            [b"1" if may_continue else b"0", _json(outcome)],
            known=grant,
        )
        if self._known.get(chat) == grant:
            del self._known[chat]
        return self._claim_result(chat, answer, asked_at)._replace(email=email.decode())

    async def due(self, limit: int) -> list[ChatKey]:
        """Chats whose time has come, longest due first; before them those whose claim was lost."""
        return list(await self.due_since(limit))

    async def due_since(self, limit: int) -> dict[ChatKey, float]:
        """The same chats, each with the time in ms since when it is due, by Valkey's clock."""
        return self.read_due(limit, await self._due.run([self._keys.spools], [b"%d" % limit]))

    def call_due(self, limit: int) -> bytes:
        """The call that `due_since` makes."""
        if limit not in self._due_calls:
            arguments = [b"%d" % limit]
            self._due_calls[limit] = self._due.call_of_one([self._keys.spools], arguments)
        return self._due_calls[limit]

    def read_due(self, limit: int, found: list[bytes]) -> dict[ChatKey, float]:
        """What is answered to that."""
        due: dict[ChatKey, float] = dict.fromkeys(list(self._to_take_up)[:limit], 0)
        for raw, time in zip(found[::2], found[1::2], strict=True):
            due.setdefault(ChatKey.parse(raw.decode()), float(time))
        return dict(list(due.items())[:limit])

    async def keep_alive(self) -> str:
        """Renew all claims of this process."""
        self.forget_lost()
        await self._alive.run([self._keys.alive], [self._token])
        # A server that takes this write takes all that its user may.
        self._commands.outages.refusing.worked()
        return ""

    @property
    def lost_any(self) -> bool:
        """Whether chats are to be taken up again whose claims were lost."""
        return bool(self._to_take_up)

    def call_alive(self) -> bytes:
        """The call that `keep_alive` makes."""
        return self._alive.call_of_one([self._keys.alive], [self._token])

    async def retire(self) -> None:
        """Whatever this process still holds may be claimed as if it had died."""
        await self._commands.call(b"ZREM", self._keys.alive, self._token)

    async def _ask(
        self,
        script: Script,
        chat: ChatKey,
        names: list[bytes],
        arguments: list[bytes],
        known: bytes | None = None,
    ) -> tuple[list[Any], float]:
        """What a script answers that may grant a claim, and when it was asked."""
        asked_at = self._clock.seconds()
        grant = b"%b:%d" % (self._token, next(self._numbers))
        asker = [
            str(chat).encode(),
            self._token,
            grant,
            self._known.get(chat, b"") if known is None else known,
            b",".join(grant for grant, _ in self._lost.get(chat, ())),
        ]
        try:
            return await script.run(names, [*asker, *arguments]), asked_at
        except AnswerLost:
            self._lost.setdefault(chat, []).append((grant, asked_at))
            self._to_take_up[chat] = None
            raise

    def forget_lost(self) -> None:
        """Forget claims whose answers were lost long ago. They stay known for a while, since what
        asked for them may be carried out later than what was asked next."""
        oldest = self._clock.seconds() - REMEMBER_LOST
        self._lost = {
            chat: kept
            for chat, lost in self._lost.items()
            if (kept := [one for one in lost if one[1] > oldest])
        }

    def _claim_result(self, chat: ChatKey, answer: list[Any], asked_at: float) -> ClaimResult:
        """What a script says of the chat's claim, which is remembered if it is ours."""
        claim = parse_claim_result(chat, answer, asked_at)
        if claim.batch is not None:
            self._known[chat] = claim.batch.grant.encode()
        return claim
