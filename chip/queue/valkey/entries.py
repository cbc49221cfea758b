"""What lies in the queues and what the scripts answer, read into Chip's types.

Pure functions over bytes. The formats themselves are told in ``lua/items.lua`` and
``lua/claims.lua``.
"""

import re
from typing import Any, cast

import msgspec

from chip.chat.outbound.ports import Batch, ClaimResult, ClaimState, SpoolEntry
from chip.chat.ports import OutboxItem
from chip.models import ChatKey, SpoolEvent

_TIMESTAMP = re.compile(rb'\{"ts":(\d+),')


class _Item(msgspec.Struct):
    seq: int
    id: str
    msg: msgspec.Raw


_item_decoder = msgspec.json.Decoder(_Item)
_event_decoder: msgspec.json.Decoder[SpoolEvent] = msgspec.json.Decoder(SpoolEvent)


def parse_item(raw: bytes) -> OutboxItem:
    """An outbox item. Raises ValueError."""
    item = _item_decoder.decode(raw)
    return OutboxItem(item.seq, item.id, bytes(item.msg))


def parse_claim_result(chat: ChatKey, answer: list[Any], asked_at: float) -> ClaimResult:
    """What the script function ``claim`` answers to a question of that time."""
    state = cast(ClaimState, answer[0].decode())
    if state != "claimed":
        return ClaimResult(state, delay=answer[1] if state == "waiting" else 0)
    _, grant, unknown, heard, text, since_text, tries, failing_for, now, *raw = answer
    batch = Batch(
        chat=chat,
        grant=grant.decode(),
        asked_at=asked_at,
        entries=[_parse_entry(entry, now) for entry in raw],
        unknown=unknown,
        last_confirmed=None if heard is None else heard.decode(),
        last_text=text.decode(),
        since_last_text=None if since_text < 0 else since_text,
        tries=tries,
        failing_for=failing_for,
    )
    return ClaimResult(state, batch)


def _parse_entry(raw: bytes, now: int) -> SpoolEntry:
    match = _TIMESTAMP.match(raw)
    age = now - int(match[1]) if match else 0
    return SpoolEntry(_event_decoder.decode(raw), age)
