"""A TCP proxy that misbehaves on demand, in a thread of its own.

    with FaultyProxy(postgres.port) as proxy:
        … use proxy.port instead of postgres.port …
        proxy.black_hole()
        …
        proxy.heal()

Owns what happens to bytes between two parties. Its methods block until the fault is in force, and
may be called from any thread but its own. Faults add up until `heal`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Self

from .process import free_port

Direction = Literal["up", "down"]
_CHUNK = 64 * 1024
# Closing such a socket sends a reset.
_RESET = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class _Faults:
    latency: float = 0
    black_hole: bool = False
    bytes_per_second: float = 0
    up_left: int | None = None
    down_left: int | None = None

    def left(self, direction: Direction) -> int | None:
        return self.up_left if direction == "up" else self.down_left

    def spend(self, direction: Direction, count: int) -> None:
        if direction == "up" and self.up_left is not None:
            self.up_left -= count
        if direction == "down" and self.down_left is not None:
            self.down_left -= count


class FaultyProxy:
    """Passes everything on to a port on this machine. "Up" is from the client to that port.

    `accepted` counts the connections that clients have made so far, `trickled` the bytes that were
    passed on slowly, and `trickling` what is being passed on so.
    """

    def __init__(self, target: int, port: int | None = None) -> None:
        self.target = target
        self.port = port or free_port()
        self.accepted = self.trickled = self.trickling = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._listener: asyncio.Server | None = None
        self._pairs: set[_Pair] = set()
        self._faults = _Faults()
        self._healed = asyncio.Event()

    def start(self) -> None:
        """Begin to accept connections."""
        self._thread.start()
        self._do(self._listen)

    def close(self) -> None:
        """Reset all connections and end."""
        if not self._loop.is_closed():
            self._do(self._end)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Faults.

    def latency(self, seconds: float) -> None:
        """Hold every piece of data back for so long, in either direction."""
        self._change(latency=seconds)

    def black_hole(self) -> None:
        """Keep connections open and pass nothing on; new ones are accepted just so."""
        self._change(black_hole=True)

    def slow(self, bytes_per_second: float) -> None:
        """Pass so many bytes a second on, for each connection and direction."""
        self._change(bytes_per_second=bytes_per_second)

    def cut_after(self, count: int, direction: Direction = "up") -> None:
        """Reset the connection that carries the byte after so many more in this direction.

        Once: what comes after that connection passes.
        """
        self._change(**{f"{direction}_left": count})

    def reset(self) -> None:
        """Reset all connections that are open now."""
        self._do(self._reset_all)

    def refuse(self) -> None:
        """Reset all connections and listen no more."""
        self._do(self._refuse)

    def heal(self) -> None:
        """Listen, and pass everything on, what was held back included."""
        self._do(self._heal)

    @property
    def connections(self) -> int:
        """How many connections are open now."""
        return len(self._pairs)

    # In the thread.

    def _do(self, action: Callable[[], object]) -> None:
        async def run() -> None:
            result = action()
            if asyncio.iscoroutine(result):
                await result

        asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)

    def _change(self, **faults: float | bool | int) -> None:
        def change() -> None:
            for name, value in faults.items():
                setattr(self._faults, name, value)
            self._healed.clear()

        self._do(change)

    async def _listen(self) -> None:
        if self._listener is None:
            self._listener = await asyncio.start_server(
                self._serve, "127.0.0.1", self.port, backlog=1024
            )

    def _reset_all(self) -> None:
        for pair in list(self._pairs):
            pair.reset()

    def _refuse(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        self._reset_all()

    async def _heal(self) -> None:
        self._faults = _Faults()
        self._healed.set()
        await self._listen()

    async def _end(self) -> None:
        self._refuse()
        mine = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not mine]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        try:
            target = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            _reset(writer)
            return
        pair = _Pair(writer, target[1])
        self._pairs.add(pair)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump("up", reader, target[1], pair))
                group.create_task(self._pump("down", target[0], writer, pair))
        except* OSError:
            pair.reset()
        except* asyncio.CancelledError:
            pass  # the proxy ends; a task that was cancelled would make asyncio complain
        finally:
            self._pairs.discard(pair)
            pair.close()

    async def _pump(
        self,
        direction: Direction,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        pair: _Pair,
    ) -> None:
        while data := await reader.read(_CHUNK):
            faults = self._faults
            if faults.black_hole:
                await self._healed.wait()
                faults = self._faults
                if pair.client.is_closing():
                    # What its sender has given up meanwhile does not arrive late.
                    pair.reset()
                    return
            if faults.latency:
                await asyncio.sleep(faults.latency)
            left = faults.left(direction)
            if left is not None and len(data) > left:
                writer.write(data[:left])
                await writer.drain()
                setattr(faults, f"{direction}_left", None)
                pair.reset()
                return
            faults.spend(direction, len(data))
            if faults.bytes_per_second:
                await self._trickle(data, writer, faults)
            else:
                writer.write(data)
                await writer.drain()
        with contextlib.suppress(OSError):
            writer.write_eof()

    async def _trickle(self, data: bytes, writer: asyncio.StreamWriter, faults: _Faults) -> None:
        """Write a tenth of a second's bytes at a time, and the rest at once when healed."""
        step = max(1, int(faults.bytes_per_second / 10))
        self.trickling += 1
        try:
            while data and self._faults is faults:
                writer.write(data[:step])
                await writer.drain()
                self.trickled += len(data[:step])
                data = data[step:]
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._healed.wait(), step / faults.bytes_per_second)
        finally:
            self.trickling -= 1
        writer.write(data)
        await writer.drain()


@dataclass(eq=False, slots=True)
class _Pair:
    client: asyncio.StreamWriter
    target: asyncio.StreamWriter

    def reset(self) -> None:
        _reset(self.client)
        _reset(self.target)

    def close(self) -> None:
        self.client.close()
        self.target.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    connection: socket.socket = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
