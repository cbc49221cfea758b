"""What crowds of visitors do with what they hear.

Owns reading Chip's events, as far as the measurements must; knows nothing of time.
"""

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from bench.visitors import Visitor


class _Out(msgspec.Struct):
    id: int | str
    text: str


class _ChatOut(msgspec.Struct, tag="chat_out"):
    msg_out: _Out


_chat_out = msgspec.json.Decoder(_ChatOut)


class Readers:
    """Visitors who acknowledge what they are shown. `shown` is called with each message's text."""

    def __init__(
        self, visitors: Sequence[Visitor], count: int, shown: Callable[[str], object] | None = None
    ) -> None:
        self._left = count
        self._shown = shown or (lambda _: None)
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Fired when so many messages have been shown."""
        for visitor in visitors:
            self._watch(visitor)

    def _watch(self, visitor: Visitor) -> None:
        def heard(payload: bytes) -> None:
            message = _chat_out.decode(payload).msg_out
            self._shown(message.text)
            visitor.send(msgspec.json.encode({"type": "ack_chat", "msg_id": message.id}))
            self._left -= 1
            if not self._left:
                self.done.set_result(None)

        visitor.heard = heard


class Accepted:
    """Counts what visitors say and Chip has accepted. `done` fires at `count`."""

    def __init__(self, visitors: Sequence[Visitor], count: int) -> None:
        self._left = count
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        for visitor in visitors:
            visitor.heard = self._heard

    def _heard(self, payload: bytes) -> None:
        if not payload.startswith(b'{"type":"msg_accepted"'):
            raise ValueError(payload.decode())
        self._left -= 1
        if not self._left:
            self.done.set_result(None)
