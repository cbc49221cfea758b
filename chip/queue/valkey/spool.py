"""Events waiting for Courier, and who is at work on them (`ports.Spool`)."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from chip.chat.outbound.ports import Appended, Batch, Outcome, Spooled, Step
from chip.models import ChatKey, Incoming, SpoolEvent
from chip.queue.valkey import keys
from chip.queue.valkey.connection import ValkeyConnection
from chip.queue.valkey.entries import parse_step
from chip.queue.valkey.live import ValkeyLive
from chip.queue.valkey.protocol import CommandProtocol
from chip.queue.valkey.scripts import BATCH, Scripts

_json = msgspec.json.Encoder().encode
_RESULTS: Final[dict[str, Appended]] = {"q": "queued", "r": "repeated", "f": "full"}


class ValkeySpool:
    """Spools, and the claims that this process holds, by its token."""

    BATCH = BATCH

    def __init__(
        self,
        scripts: Scripts,
        commands: ValkeyConnection[CommandProtocol],
        live: ValkeyLive,
        token: str,
    ) -> None:
        self._commands = commands
        self._live = live
        self._token = token.encode()
        # The claims that this process knows to be its own. Where the answer that granted one was
        # lost, the server knows of another, which may be claimed again once it is old enough.
        self._tickets: dict[ChatKey, int] = {}
        self._append = scripts.script("spool_append", "claims", keys=8)
        self._claim = scripts.script("spool_claim", "claims", keys=7)
        self._settle = scripts.script("spool_settle", "claims", keys=8)
        self._due = scripts.script("spools_due", keys=1)
        self._alive = scripts.script("alive", keys=1)

    async def append(
        self, chat: ChatKey, events: Sequence[SpoolEvent], *, last_heard: str, may_claim: bool
    ) -> Spooled:
        """Store events durably, and claim the chat if nobody has and it may be."""
        raw = str(chat).encode()
        channel = self._live.channel(chat)
        arguments = [
            raw,
            self._token,
            b"1" if may_claim else b"0",
            last_heard.encode(),
            channel,
            self._live.own_listeners(channel),
        ]
        for event in events:
            arguments.append(b"=" + event.ref.encode() if isinstance(event, Incoming) else b"-")
            arguments.append(_json(event))
        results, *rest = await self._append.run([*keys.spool(raw), keys.refs(raw)], arguments)
        return Spooled([_RESULTS[letter] for letter in results.decode()], self.step(chat, rest))

    async def claim(self, chat: ChatKey) -> Step:
        """Claim the chat if it is due and nobody holds it."""
        raw = str(chat).encode()
        ticket = self._tickets.get(chat, 0)
        answer = await self._claim.run(keys.spool(raw), [raw, self._token, b"%d" % ticket])
        return self.step(chat, answer)

    async def settle(self, batch: Batch, outcome: Outcome, *, may_continue: bool = True) -> Step:
        """Note how an attempt ended, and go on or give the claim up."""
        chat = batch.chat
        raw = str(chat).encode()
        answer = await self._settle.run(
            [*keys.spool(raw), keys.refs(raw)],
            [
                raw,
                self._token,
                b"%d" % batch.ticket,
                b"1" if may_continue else b"0",
                _json(outcome),
            ],
        )
        if self._tickets.get(chat) == batch.ticket:
            del self._tickets[chat]
        return self.step(chat, answer)

    async def due(self, limit: int) -> list[ChatKey]:
        """Chats whose time has come, longest due first."""
        chats = await self._due.run([keys.SPOOLS], [b"%d" % limit])
        return [ChatKey.parse(chat.decode()) for chat in chats]

    async def keep_alive(self) -> None:
        """Renew all claims of this process."""
        await self._alive.run([keys.ALIVE], [self._token])

    async def retire(self) -> None:
        """Whatever this process still holds may be claimed as if it had died."""
        await self._commands.call(b"ZREM", keys.ALIVE, self._token)

    def step(self, chat: ChatKey, answer: list[Any]) -> Step:
        """What a script says of the chat's claim, which is remembered if it is ours."""
        step = parse_step(chat, answer)
        if step.batch is not None:
            self._tickets[chat] = step.batch.ticket
        return step
