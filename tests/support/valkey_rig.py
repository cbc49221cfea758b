"""Processes on one Valkey, and time that passes for what lies in it.

Valkey's clock cannot be turned, so what is stored is made older instead. Owns knowing where in
the stored keys a time stands; the layout itself is told in `chip.queue.valkey.keys`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from chip.errors import Unavailable
from chip.limits import Limits
from chip.queue.valkey.address import parse_url
from chip.queue.valkey.queue import ValkeyQueue
from chip.tasks import pause
from tests.contracts.queue_parts import CHAT, Process

from .valkey import Valkey

AGE = r"""
local ms = tonumber(ARGV[1])
local function shift(time, unit)
  return string.format('%.0f', tonumber(time) - ms * (unit or 1))
end
for _, key in ipairs(redis.call('KEYS', 'chat:*')) do
  local kind = redis.call('TYPE', key).ok
  if kind == 'list' then
    for index, item in ipairs(redis.call('LRANGE', key, 0, -1)) do
      item = string.gsub(item, '"ts":(%d+)', function(time) return '"ts":' .. shift(time) end, 1)
      redis.call('LSET', key, index - 1, item)
    end
  elseif kind == 'zset' then
    for _, member in ipairs(redis.call('ZRANGE', key, 0, -1)) do
      redis.call('ZINCRBY', key, -ms, member)
    end
  elseif kind == 'hash' then
    for _, field in ipairs({'began', 'text_at', 'failing', 'not_before'}) do
      local time = redis.call('HGET', key, field)
      if time then redis.call('HSET', key, field, shift(time)) end
    end
    for _, field in ipairs({'since', 'filled', 'numbered', 'looked'}) do
      local time = redis.call('HGET', key, field)
      if tonumber(time) then redis.call('HSET', key, field, shift(time, 1000)) end
    end
  end
  local left = redis.call('PTTL', key)
  if left > 0 then redis.call('PEXPIRE', key, left - ms) end
end
"""


class Processes:
    """Those that a rig has started, each with the rig's `queue`."""

    shares_live = True

    def __init__(self) -> None:
        self.queues: list[Any] = []

    async def queue(self, token: str, limits: Limits | None) -> Any:
        """An open queue."""
        raise NotImplementedError

    async def process(self, token: str = "here", limits: Limits | None = None) -> Process:
        """Start a process. It has said that it is alive."""
        return Process(await self.queue(token, limits))

    async def open(self, queue: Any) -> Any:
        """Open a queue, and close it at the end."""
        self.queues.append(queue)
        await queue.open()
        return queue

    async def close(self) -> None:
        """End all processes."""
        for queue in self.queues:
            await queue.close()


class ValkeyRig(Processes):
    """A `tests.contracts.queue.QueueRig` on a running server that is empty."""

    partitions = 1

    def __init__(self, valkey: Valkey) -> None:
        super().__init__()
        self.valkey = valkey

    async def queue(
        self,
        token: str = "here",
        limits: Limits | None = None,
        *,
        url: str = "",
        replicas: int = 0,
    ) -> ValkeyQueue:
        """An open queue, by way of `url` if given; the rig closes it."""
        queue = ValkeyQueue(
            parse_url(url or self.valkey.url),
            reactor=reactor,
            limits=limits or Limits(),
            replicas=replicas,
            token=token,
        )
        return await self.open(queue)

    async def pass_time(self, seconds: float) -> None:
        """Make everything that is stored so much older."""
        answer = await self.cli("EVAL", AGE, "0", str(round(seconds * 1000)))
        assert answer == "", answer

    async def cli(self, *command: str) -> str:
        """Run a command of the server's own client, and let the reactor turn meanwhile."""
        return await deferToThread(self.valkey.cli, *command)


async def taken(ask: Callable[[], Awaitable[Any]], words: str = "", within: float = 30) -> Any:
    """The answer, once there is one. Raises Unavailable where that has not these words, and after
    so many seconds: what is late or away may be there soon."""
    until = reactor.seconds() + within
    while True:
        try:
            return await ask()
        except Unavailable as trouble:
            if words not in str(trouble) or reactor.seconds() > until:
                raise
        await pause(reactor, 0.02)


async def works(here: Process, within: float = 30) -> None:
    """Return once the process has everything that it needs again. Raises Unavailable after that
    many seconds."""

    async def ask() -> None:
        await here.spool.keep_alive()
        await here.live.subscribe(CHAT)

    await taken(ask, within=within)
