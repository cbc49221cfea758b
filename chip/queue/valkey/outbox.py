"""Messages waiting for their visitors (`ports.Outbox`)."""

from typing import cast

import msgspec
from twisted.internet.defer import gatherResults

from chip.chat.outbound.ports import Appended
from chip.chat.ports import Acked, Page
from chip.models import ChatKey, MsgName
from chip.queue.valkey import keys
from chip.queue.valkey.entries import parse_item
from chip.queue.valkey.live import ValkeyLive
from chip.queue.valkey.scripts import Scripts

_json = msgspec.json.Encoder().encode


class ValkeyOutbox:
    """Outboxes, in the layout that other servers of the same contract know."""

    def __init__(self, scripts: Scripts, live: ValkeyLive, token: str) -> None:
        self._live = live
        self._token = token.encode()
        self._append = scripts.script("outbox_append", "items", "claims", keys=12)
        self._read = scripts.script("outbox_read", "items", keys=3)
        self._ack = scripts.script("outbox_ack", "items", "claims", keys=12)
        self._stale = scripts.script("outboxes_stale", keys=1)
        self._expire = scripts.script("outbox_expire", "items", "claims", keys=12)

    async def append(self, chat: ChatKey, name: MsgName, msg_out: bytes) -> Appended:
        """Store a message and push it to every process that has the chat open."""
        raw = str(chat).encode()
        answer = await self._append.run(
            keys.messages(raw),
            [
                raw,
                self._live.channel(chat),
                _json(name.outbox_id),
                msg_out,
                b"" if name.id is None else b"%d" % name.id,
                name.uuid.encode(),
            ],
        )
        return cast(Appended, answer.decode())

    async def read(self, chat: ChatKey, after: int, limit: int, max_bytes: int) -> Page:
        """Items numbered above `after`, oldest first, within the limits but for the first."""
        raw = str(chat).encode()
        head, more, *items = await self._read.run(
            [keys.outbox(raw), keys.numbers(raw), keys.sent(raw)],
            [b"%d" % after, b"%d" % limit, b"%d" % max_bytes],
        )
        return Page(head, [parse_item(item) for item in items], bool(more))

    async def ack(self, chat: ChatKey, name: MsgName) -> Acked | None:
        """Take a message out and leave its ``delivered`` report."""
        raw = str(chat).encode()
        names = [_json(f"m{known}") for known in name if known]
        answer = await self._ack.run(
            keys.messages(raw),
            [
                raw,
                self._token,
                self._live.channel(chat),
                name.uuid.encode(),
                _json(name.uuid),
                *names,
            ],
        )
        return None if answer is None else Acked(*answer)

    async def expire(self, limit: int) -> int:
        """Take out messages beyond the age limit, and leave a ``failed`` report for each."""
        stale = await self._stale.run([keys.OUTBOXES], [b"%d" % limit])
        taken = await gatherResults(
            [
                self._expire.run(
                    keys.messages(raw), [raw, self._live.channel(ChatKey.parse(raw.decode()))]
                )
                for raw in stale
            ],
            consumeErrors=True,
        )
        return sum(taken)
