"""A restart sends thousands of visitors away at once, and they all come back at once."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import resource

import pytest
from twisted.internet.threads import deferToThread

from bench.meters import Meter
from bench.visitors import GoneError, Visitor, connect, in_parallel

VISITORS = 2000
"""A quarter of what is promised, since these tests share the machine with others. Alone on a
machine of two cores, 9,000 were back after 12 s."""
CPU_EACH = 0.003
"""Seconds of Chip's processor time for each handshake, those that it refuses included: so 9,000 are
back within half a minute. Time on the clock would tell what else the machine does, and so would how
often visitors have to come until they are served."""


@pytest.fixture(autouse=True)
def _enough_files():
    """Both this process and Chip, which inherits the limit, hold a socket for each visitor."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < VISITORS + 1000:
        pytest.fail(f"{VISITORS} sockets do not go into {hard} files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def _start(url: str, chat_id: str = "") -> tuple[Visitor, int]:
    """Come as a widget does: again after a while, with full jitter, until the chat goes on. Returns
    how often that was, too."""
    command = json.dumps({"type": "start_chat", "chat_id": chat_id}).encode()
    delay = 0.5
    for times in itertools.count(1):
        try:
            visitor = await connect(url)
            answer = json.loads(await visitor.ask(command))
            if answer["type"] == ("chat_resumed" if chat_id else "chat_started"):
                visitor.chat_id = answer["chat_id"]
                return visitor, times
            visitor.vanish()
        except (GoneError, OSError):
            pass
        await asyncio.sleep(random.uniform(0.1, delay))
        delay = min(2 * delay, 5.0)
    raise AssertionError("it has no end")


async def _storm(chip, url: str) -> float:
    """Seconds of processor time that Chip used for each handshake until everybody was back."""
    visitors = await in_parallel((_start(url) for _ in range(VISITORS)), 64)
    chats = [visitor.chat_id for visitor, _ in visitors]
    assert len(set(chats)) == VISITORS
    await asyncio.to_thread(chip.kill)
    await asyncio.to_thread(chip.start)
    meter = Meter([chip.pid])
    back = await asyncio.gather(*[_start(url, chat) for chat in chats])
    meter.stop()
    for visitor, _ in back:
        visitor.vanish()
    return meter.cpu / sum(times for _, times in back)


async def test_thousands_of_visitors_are_back_soon(start_chip, channel):
    # So many chats are new at once only here.
    chip = start_chip(channel_new_chats_burst=VISITORS, new_chats_burst=VISITORS)
    url = f"{chip.url}/wc/connect/{channel.uuid}"
    used = await deferToThread(lambda: asyncio.run(_storm(chip, url)))
    assert used < CPU_EACH
