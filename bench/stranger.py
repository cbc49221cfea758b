"""Somebody who takes all the history that he is given, in a process of his own.

He must not share one with whoever measures: what holds his own process up would count against Chip.
"""

import asyncio
import json
import sys
import time
from typing import Self

from bench.visitors import Visitor, resume

NEWEST_PAGE = b'{"type":"get_history","before":"9999-01-01T00:00:00Z"}'
EVERY = 0.5
"""Seconds between two requests on the same connection."""


class Stranger:
    """Resumes these chats from one address, and asks for their newest pages until he leaves."""

    def __init__(self, url: str, address: str, chats: list[str]) -> None:
        self._arguments = [url, address, *chats]
        self.bytes_per_second = 0.0

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "bench.stranger", *self._arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert self._process.stdout
        await self._process.stdout.readline()
        return self

    async def __aexit__(self, *_: object) -> None:
        said, _errors = await self._process.communicate()
        self.bytes_per_second = json.loads(said)


async def _take(visitor: Visitor) -> None:
    while True:
        visitor.send(NEWEST_PAGE)
        await asyncio.sleep(EVERY)


async def _main(url: str, address: str, chats: list[str]) -> None:
    """Say that all connections stand, and once the input has ended what was taken."""
    taken = 0

    def heard(payload: bytes) -> None:
        nonlocal taken
        taken += len(payload)

    visitors = []
    for chat in chats:
        await asyncio.sleep(0.05)  # as fast as an address may connect
        visitors.append(await resume(url, address, chat))
        visitors[-1].heard = heard
    taking = [asyncio.create_task(_take(visitor)) for visitor in visitors]
    print(flush=True)
    began = time.perf_counter()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    print(taken / (time.perf_counter() - began))
    for task in taking:
        task.cancel()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], sys.argv[2], sys.argv[3:]))
