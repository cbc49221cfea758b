"""Whether cost grows with size: the same load on few and on many open chats."""

import asyncio
import time
from collections.abc import Sequence

from bench.measures import Effort, deliver, grow
from bench.meters import measured, quantile
from bench.servers import STARTS_AT_ONCE, RunningChip
from bench.targets import markdown
from bench.visitors import Visitor, in_parallel, resume

_PROBES_PER_SECOND = 200
_PING = b'{"type":"ping"}'
_TITLES = (
    "chats",
    "KB each",
    "idle CPU, %",
    "delivery p50, ms",
    "p99, ms",
    "CPU µs/op",
    "longest pause, ms",
    "all back after, s",
    "back /s",
)


class Probe:
    """A visitor who asks all the time whether Chip is there, and notes the longest wait."""

    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor
        self.longest = 0.0
        """Milliseconds."""

    async def run(self) -> None:
        """Ask until cancelled. The wait counts from when the question was due."""
        due = time.perf_counter()
        while True:
            due = max(due + 1 / _PROBES_PER_SECOND, time.perf_counter())
            await asyncio.sleep(due - time.perf_counter())
            asked = time.perf_counter()
            await self._visitor.ask(_PING)
            self.longest = max(self.longest, 1000 * (time.perf_counter() - asked))


async def at_size(chip: RunningChip, count: int, effort: Effort) -> list[str]:
    """A row for so many open chats."""
    memory = await grow(chip, count)
    with measured(chip.pids) as idle:
        await asyncio.sleep(effort.idle_seconds)
    (prober,) = await chip.visitors(1)
    visitors = chip.present[-1001:-1]
    probe = Probe(prober)
    probing = asyncio.create_task(probe.run())
    latencies, cpu = await deliver(chip, visitors, 200 * effort.delivery_seconds)
    probing.cancel()
    back = await _all_back(chip, chip.present[-count - 1 : -1])
    p50, p99 = quantile(latencies, 0.5), quantile(latencies, 0.99)
    return [
        f"{count:,}",
        f"{memory:.1f}",
        f"{100 * idle.cpu / idle.seconds:.2f}",
        f"{p50:.2f}",
        f"{p99:.2f}",
        f"{cpu:,.0f}",
        f"{probe.longest:.1f}",
        f"{back:.1f}",
        f"{count / back:,.0f}",
    ]


async def _all_back(chip: RunningChip, visitors: Sequence[Visitor]) -> float:
    """All connections break at once, and everybody comes back as fast as he is let in; the seconds
    that this takes."""
    for visitor in visitors:
        visitor.vanish()
    await chip.settle(3)
    began = time.perf_counter()
    returns = (resume(chip.url, "", visitor.chat_id) for visitor in visitors)
    chip.present += await in_parallel(returns, STARTS_AT_ONCE)
    return time.perf_counter() - began


def sizes_table(rows: list[list[str]]) -> str:
    """All sizes beside each other."""
    return markdown(_TITLES, rows)
