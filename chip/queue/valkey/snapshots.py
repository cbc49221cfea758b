"""Snapshots of chats, taken beside the processes that serve them: nothing is changed."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from chip.limits import Limits
from chip.models import ChatKey, MsgName
from chip.queue.snapshot import (
    MOST_CHATS,
    ChatSnapshot,
    HeldClaim,
    WaitingMessage,
    sent_by_name,
    waiting_event,
)
from chip.queue.valkey.address import ValkeyAddress
from chip.queue.valkey.commands import Commands
from chip.queue.valkey.connection import connection_to_ask
from chip.queue.valkey.keys import Keys
from chip.queue.valkey.scripts import Scripts, ScriptTexts

_TIMESTAMP = re.compile(rb'"ts":(\d+)')


class _Message(msgspec.Struct):
    uuid: str = ""


class _Item(msgspec.Struct):
    id: str
    msg: _Message


_item_decoder = msgspec.json.Decoder(_Item)


class PartitionSnapshots:
    """Looks at the chats of one partition. `count_listeners` is the subcommand of PUBSUB that says
    how many listen."""

    def __init__(
        self, commands: Commands, keys: Keys, texts: ScriptTexts, count_listeners: bytes = b"NUMSUB"
    ) -> None:
        self._keys = keys
        self._commands = commands
        self._count_listeners = count_listeners
        scripts = Scripts(commands, texts, keys.replicated)
        self._snapshot = scripts.script("snapshot", "claims", keys=13, stores=False)

    async def take(self, chat: ChatKey) -> ChatSnapshot:
        """What is there of the chat now. Raises Unavailable."""
        raw = str(chat).encode()
        answer = await self._snapshot.run(self._keys.messages(raw), [raw])
        channel = self._keys.live(raw)
        _, listeners = await self._commands.call(b"PUBSUB", self._count_listeners, channel)
        return _snapshot(answer, listeners)

    async def waiting(self, chat_id: str, channel_uuid: str) -> list[ChatKey]:
        """Chats whose id and whose channel begin so, and for which something waits."""
        pattern = f"{chat_id}*@{channel_uuid}*".encode()
        found: dict[bytes, None] = {}
        for key in (self._keys.outboxes, self._keys.spools):
            cursor = b"0"
            while True:
                cursor, pairs = await self._commands.call(
                    b"ZSCAN", key, cursor, b"MATCH", pattern, b"COUNT", b"1000"
                )
                found |= dict.fromkeys(pairs[::2])
                if cursor == b"0" or len(found) >= MOST_CHATS:
                    break
        return [ChatKey.parse(chat.decode()) for chat in list(found)[:MOST_CHATS]]


class ValkeySnapshots(PartitionSnapshots):
    """A connection that only looks."""

    def __init__(self, address: ValkeyAddress, reactor: Any, limits: Limits) -> None:
        self._connection = connection_to_ask("inspection", address, reactor)
        super().__init__(self._connection, Keys(address.database), ScriptTexts(limits))

    async def open(self) -> None:
        """Connect. Raises Unavailable in a line for operators."""
        await self._connection.open()

    async def close(self) -> None:
        """End the connection."""
        await self._connection.close()


def _snapshot(answer: Sequence[Any], listeners: int) -> ChatSnapshot:
    now, outbox, sent, spool, reports, courier, due, alive_until = answer
    known = {name.decode(): value.decode() for name, value in _pairs(courier)}

    def age(time: str) -> int:
        return now - int(known[time]) if time in known else 0

    claim = None
    if "owner" in known:
        is_alive = int(alive_until or 0) > now
        under_way = int(known.get("under_way", 0))
        claim = HeldClaim(known["owner"], age("began"), is_alive, under_way)
    return ChatSnapshot(
        outbox=[_message(item, now) for item in outbox],
        spool=[waiting_event(entry, _age(entry, now)) for entry in spool],
        reports=[waiting_event(report, 0, int(ready) - now) for report, ready in _pairs(reports)],
        sent=sent_by_name({name.decode(): now - int(time) for name, time in _pairs(sent)}),
        claim=claim,
        due_in=None if due is None else int(due) - now,
        tries=int(known.get("tries", 0)),
        failing_for=age("failing"),
        unknown=int(known.get("unknown", 0)),
        reason=known.get("reason"),
        last_confirmed=known.get("heard", ""),
        listeners=listeners,
    )


def _pairs(flat: Sequence[bytes]) -> Iterable[tuple[bytes, bytes]]:
    return zip(flat[::2], flat[1::2], strict=True)


def _age(raw: bytes, now: int) -> int:
    time = _TIMESTAMP.search(raw)
    return now - int(time[1]) if time else 0


def _message(raw: bytes, now: int) -> WaitingMessage:
    """An item of the outbox; one that cannot be read has no name."""
    try:
        item = _item_decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return WaitingMessage(MsgName(), _age(raw, now))
    number = item.id.removeprefix("m")
    name = MsgName(int(number), item.msg.uuid) if number.isdecimal() else MsgName(uuid=number)
    return WaitingMessage(name, _age(raw, now))
