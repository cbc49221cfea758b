"""The program behind `links`: passes on what comes to some ports, and cuts whom it is told to.

    python link_process.py '[5000, [[5001, 6001, "127.0.7.1"], …]]'

The first port is for orders, each a line of JSON: the pairs of addresses that are cut off from
each other from now on. Of the rest, each is listened to, and leads to a port of whoever has that
address.

A cut is the kernel's: filters on our sockets throw away what arrives from either side, before it is
acknowledged. So connections stay open, what was sent is sent again at longer and longer intervals,
and who calls gets no answer. A filter needs no rights, as a firewall does.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import socket
import struct
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

_ATTACH_FILTER, _DETACH_FILTER = 26, 27
# The instructions of a filter: load the caller's address, compare, keep so many bytes.
_LOAD_CALLER = (0x20, 0, 0, 0xFFF00000 + 12)
_IS, _KEEP = 0x15, 0x06
_NOTHING, _ALL = (_KEEP, 0, 0, 0), (_KEEP, 0, 0, 0xFFFFFFFF)


def _filter(connection: Any, instructions: list[tuple[int, int, int, int]]) -> None:
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in instructions))
    program = struct.pack("HL", len(instructions), ctypes.addressof(code))
    connection.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, program)


def take_all(connection: Any) -> None:
    with suppress(FileNotFoundError):  # it has no filter
        connection.setsockopt(socket.SOL_SOCKET, _DETACH_FILTER, 0)


def take_nothing(connection: Any) -> None:
    _filter(connection, [_NOTHING])


def take_nobody_of(connection: Any, callers: Iterable[str]) -> None:
    tests = [
        part
        for caller in callers
        for part in ((_IS, 0, 1, int.from_bytes(socket.inet_aton(caller), "big")), _NOTHING)
    ]
    _filter(connection, [_LOAD_CALLER, *tests, _ALL])


class _End(asyncio.Protocol):
    """One of the two ends of a connection."""

    transport: asyncio.Transport
    other: _End | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        # asyncio overlooks that these are TCP, and small pieces would wait 40 ms for one another.
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        assert self.other
        self.other.transport.write(data)

    def eof_received(self) -> bool:
        assert self.other
        self.other.transport.write_eof()
        return True

    def pause_writing(self) -> None:
        assert self.other
        self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        assert self.other
        self.other.transport.resume_reading()

    def connection_lost(self, why: Exception | None) -> None:
        if self.other:
            self.other.transport.abort() if why else self.other.transport.close()

    @property
    def socket(self) -> Any:
        return self.transport.get_extra_info("socket")


class _Call(_End):
    """The end at which somebody called. What is said waits until the other end is there."""

    def __init__(self, hub: _Hub, target: int, callee: str) -> None:
        self._hub = hub
        self._target = target
        self.callee = callee

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        transport.pause_reading()
        self.caller = transport.get_extra_info("peername")[0]
        self._connecting = asyncio.ensure_future(self._connect())

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, other = await loop.create_connection(_End, "127.0.0.1", self._target)
        except OSError:
            self.transport.abort()
            return
        self.other, other.other = other, self
        if self.transport.is_closing():
            other.transport.close()
            return
        self._hub.calls.add(self)
        self._hub.apply_to(self)
        self.transport.resume_reading()

    def connection_lost(self, why: Exception | None) -> None:
        self._hub.calls.discard(self)
        super().connection_lost(why)


class _Hub:
    """All ports and calls, and who is cut off from whom."""

    def __init__(self) -> None:
        self.calls: set[_Call] = set()
        self._listeners: list[tuple[socket.socket, str]] = []
        self._cut: set[frozenset[str]] = set()

    async def serve(self, orders: int, links: list[tuple[int, int, str]]) -> None:
        loop = asyncio.get_running_loop()
        for port, target, callee in links:
            listener = socket.create_server(("127.0.0.1", port), backlog=512)
            self._listeners.append((listener, callee))

            def call(target: int = target, callee: str = callee) -> _Call:
                return _Call(self, target, callee)

            await loop.create_server(call, sock=listener, backlog=512)
        server = await asyncio.start_server(self._obey, "127.0.0.1", orders)
        await server.serve_forever()

    async def _obey(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if order := await reader.readline():
            self._cut = {frozenset(pair) for pair in json.loads(order)}
            self._apply()
            writer.write(b"done\n")
        writer.close()

    def _apply(self) -> None:
        for listener, callee in self._listeners:
            cut_off = {caller for pair in self._cut if callee in pair for caller in pair - {callee}}
            take_nobody_of(listener, cut_off)
        for call in self.calls:
            self.apply_to(call)

    def apply_to(self, call: _Call) -> None:
        assert call.other
        is_cut = frozenset((call.caller, call.callee)) in self._cut
        for end in (call, call.other):
            if not end.transport.is_closing():
                (take_nothing if is_cut else take_all)(end.socket)


if __name__ == "__main__":
    asyncio.run(_Hub().serve(*json.loads(sys.argv[1])))
