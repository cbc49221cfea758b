"""Messages waiting for their visitors (`ports.Outbox`)."""

from collections.abc import Sequence
from typing import Any, cast

import msgspec
from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger

from chip.chat.outbound.ports import Appended
from chip.chat.ports import Acked, Filled, Loss, Page, WiredMessage
from chip.models import ChatKey, MsgName
from chip.queue.valkey.entries import parse_item
from chip.queue.valkey.errors import OutboxDamaged
from chip.queue.valkey.keys import Keys
from chip.queue.valkey.mark import Mark
from chip.queue.valkey.scripts import Script, Scripts

_json = msgspec.json.Encoder().encode


class ValkeyOutbox:
    """Outboxes, in the layout that other servers of the same contract know."""

    _log = Logger()

    def __init__(self, scripts: Scripts, keys: Keys, token: str, mark: Mark) -> None:
        self._keys = keys
        self._token = token.encode()
        self._append = scripts.script(
            "outbox_append", "items", "mark", "claims", keys=14, before=mark.be_sure
        )
        self._read = scripts.script("outbox_read", "items", "mark", keys=5, stores=False)
        self._fill = scripts.script(
            "outbox_fill", "items", "mark", "claims", keys=14, before=mark.be_sure
        )
        self._ack = scripts.script("outbox_ack", "items", "claims", keys=13)
        self._stale = scripts.script("outboxes_stale", keys=1, stores=False)
        self._expire = scripts.script("outbox_expire", "items", "claims", keys=13)
        self._tidy = scripts.script("outbox_tidy", "items", keys=3)

    async def append(self, chat: ChatKey, name: MsgName, msg_out: bytes) -> Appended:
        """Store a message and push it to every process that has the chat open."""
        raw = str(chat).encode()
        answer = await self._run(
            self._append,
            raw,
            [*self._keys.messages(raw), self._keys.mark],
            [
                raw,
                self._keys.live(raw),
                _json(name.outbox_id),
                msg_out,
                b"" if name.id is None else b"%d" % name.id,
                name.uuid.encode(),
            ],
        )
        return cast(Appended, answer.decode())

    async def read(self, chat: ChatKey, after: int, limit: int, max_bytes: int) -> Page:
        """Items numbered above `after`, oldest first, within the limits but for the first."""
        keys, raw = self._keys, str(chat).encode()
        names = [keys.outbox(raw), keys.numbers(raw), keys.sent(raw), keys.balance, keys.mark]
        arguments = [b"%d" % after, b"%d" % limit, b"%d" % max_bytes]
        try:
            return _page(await self._run(self._read, raw, names, arguments))
        except ValueError:
            await self._set_aside(raw)
            return _page(await self._run(self._read, raw, names, arguments))

    async def ack(self, chat: ChatKey, name: MsgName) -> Acked | None:
        """Take a message out and leave its ``delivered`` report."""
        raw = str(chat).encode()
        names = [_json(f"m{known}") for known in name if known]
        answer = await self._run(
            self._ack,
            raw,
            self._keys.messages(raw),
            [
                raw,
                self._token,
                self._keys.live(raw),
                name.uuid.encode(),
                _json(name.uuid),
                *names,
            ],
        )
        return None if answer is None else Acked(*answer)

    async def fill(self, chat: ChatKey, loss: str, messages: Sequence[WiredMessage]) -> Filled:
        """Put back those of `messages` that neither wait nor are remembered."""
        raw = str(chat).encode()
        arguments = [raw, self._keys.live(raw), loss.encode()]
        for name, msg_out, age in messages:
            known = b"%d" % name.id if name.id else b"", name.uuid.encode()
            arguments += [_json(name.outbox_id), msg_out, *known, b"%d" % age]
        names = [*self._keys.messages(raw), self._keys.mark]
        count, is_full = await self._run(self._fill, raw, names, arguments)
        return Filled(count, bool(is_full))

    async def expire(self, limit: int) -> int:
        """Take out messages beyond the age limit, and leave a ``failed`` report for each."""
        return await self.expire_chats(await self.stale(limit))

    async def stale(self, limit: int) -> list[bytes]:
        """Chats with messages beyond the age limit."""
        chats: list[bytes] = await self._stale.run([self._keys.outboxes], [b"%d" % limit])
        return chats

    async def expire_chats(self, stale: Sequence[bytes]) -> int:
        """The same as `expire`, of these chats."""
        ended = await DeferredList(
            [Deferred.fromCoroutine(self._expire_chat(raw)) for raw in stale], consumeErrors=True
        )
        taken = [result for worked, result in ended if worked]
        if ended and not taken:
            cast(Any, ended[0][1]).raiseException()
        return sum(taken)

    async def _expire_chat(self, raw: bytes) -> int:
        arguments = [raw, self._keys.live(raw)]
        taken: int = await self._run(self._expire, raw, self._keys.messages(raw), arguments)
        return taken

    async def _run(
        self, script: Script, raw: bytes, names: list[bytes], arguments: list[bytes]
    ) -> Any:
        """What a script answers, once what cannot be read was set aside."""
        try:
            return await script.run(names, arguments)
        except OutboxDamaged:
            await self._set_aside(raw)
            return await script.run(names, arguments)

    async def _set_aside(self, raw: bytes) -> None:
        """Take out of an outbox what another program has left there and nobody can read."""
        keys = self._keys
        names = [keys.outbox(raw), keys.outboxes, keys.damaged(raw)]
        count = await self._tidy.run(names, [raw])
        if count:
            self._log.error(
                "items of an outbox cannot be read, and were set aside in chat:damaged:…",
                chat=ChatKey.parse(raw.decode()).label,
                items=count,
            )


def _page(answer: list[Any]) -> Page:
    head, more, loss, age, *items = answer
    found = [parse_item(item) for item in items]
    return Page(head, found, bool(more), Loss(loss.decode(), age) if loss else None)
