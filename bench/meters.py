"""What a process has used, read from /proc, and what a series of times says.

Knows nothing of what runs. CPU is read to the nanosecond: the usual counters go in hundredths of a
second, which is more than many a measurement takes.
"""

import gc
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


def cpu_seconds(pid: int) -> float:
    """Seconds of CPU that all threads of a process have used."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def private_bytes(pid: int) -> int:
    """Bytes of memory that are the process's own, shared pages left out."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


def quantile(values: Sequence[float], share: float) -> float:
    """The value that `share` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


class Meter:
    """How long a while was, and how much CPU some processes used in it."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._pids = pids
        self._began = time.perf_counter()
        self._cpu = self._used()
        self.seconds = 0.0
        self.cpu = 0.0

    def _used(self) -> float:
        return sum(map(cpu_seconds, self._pids))

    def stop(self) -> None:
        """End the while. Later stops move the end on."""
        self.seconds = time.perf_counter() - self._began
        self.cpu = self._used() - self._cpu


@contextmanager
def measured(pids: Sequence[int]) -> Iterator[Meter]:
    """Measure what happens inside, with this process's garbage collector out of the way."""
    gc.collect()
    gc.disable()
    meter = Meter(pids)
    try:
        yield meter
    finally:
        if not meter.seconds:
            meter.stop()
        gc.enable()
