"""How late the tests' own reactor is, as where they collect garbage or a machine is very busy; and
how long other processes wait for a CPU.

What tests measure is too long by as much.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final, NamedTuple, Self

from twisted.internet.task import LoopingCall

from .process import ChildProcess

_BEAT = 0.02
_LOOK_EVERY = 0.05
PROC: Final = Path("/proc")


class _Turn(NamedTuple):
    at: float
    cpu: float


class Lateness:
    """Looks for it from `with` on until the end of that."""

    def __init__(self) -> None:
        self._turns: list[_Turn] = []
        self._loop = LoopingCall(self._note)

    def __enter__(self) -> Self:
        self._loop.start(_BEAT)
        return self

    def __exit__(self, *_: Any) -> None:
        self._loop.stop()

    def _note(self) -> None:
        self._turns.append(_Turn(time.time(), time.process_time()))

    def worst(self, since: float, until: float, *, without_cpu: bool = False) -> float:
        """The longest in seconds between these two times, each as of `time.time()`, for which the
        reactor did nothing that it should have done. Where Chip's own parts run in the tests'
        process, that may be because of them: what they use of the CPU is left out `without_cpu`."""
        late = [
            after.at - before.at - (after.cpu - before.cpu if without_cpu else 0)
            for before, after in self._within(since, until)
        ]
        return max(0.0, max(late, default=0.0) - _BEAT)

    def total(self, since: float, until: float) -> float:
        """The same of all such times together, as far as they are between the two."""
        late = (
            min(after.at, until) - max(before.at + _BEAT, since)
            for before, after in self._within(since, until)
        )
        return sum(max(0.0, each) for each in late)

    def _within(self, since: float, until: float) -> list[tuple[_Turn, _Turn]]:
        return [
            (before, after)
            for before, after in pairwise(self._turns)
            if after.at > since and before.at < until
        ]


def waited_for_cpu(thread: Path) -> int:
    """Nanoseconds for which a thread could have run and did not, by its place in ``/proc``: that of
    a process is its first thread's. 0 when it has ended, and where the kernel does not count."""
    try:
        return int((thread / "schedstat").read_text().split()[1])
    except OSError:
        return 0


class _Wait(NamedTuple):
    began: float
    ended: float
    process: ChildProcess
    seconds: float


class Waits:
    """How long processes, and their children, were kept from the CPU: a busy machine's doing, and
    not that of whatever they run. Looks for it from `with` on until the end of that."""

    def __init__(self, processes: Iterable[ChildProcess], proc: Path = PROC) -> None:
        self._processes = list(processes)
        self._proc = proc
        self._looked_at = time.time()
        # Of each thread: nanoseconds since its start.
        self._waited: dict[tuple[ChildProcess, str], int] = {}
        self._waits: list[_Wait] = []
        self._over = Event()
        self._thread = Thread(target=self._look_on, daemon=True)

    def __enter__(self) -> Self:
        self.look()
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._over.set()
        self._thread.join()
        self.look()

    def _look_on(self) -> None:
        while not self._over.wait(_LOOK_EVERY):
            self.look()

    def look(self) -> None:
        """See how long each has waited since the last look."""
        before, began = self._waited, self._looked_at
        self._waited, self._looked_at = dict(self._count()), time.time()
        for key, waited in self._waited.items():
            seconds = (waited - before.get(key, waited)) / 1e9
            if seconds > 0:
                # The kernel counts a wait at its end.
                began_to_wait = min(began, self._looked_at - seconds)
                self._waits.append(_Wait(began_to_wait, self._looked_at, key[0], seconds))

    def _count(self) -> Iterator[tuple[tuple[ChildProcess, str], int]]:
        for process in self._processes:
            if process.running:
                for thread in self._threads(str(process.pid)):
                    yield (process, thread.name), waited_for_cpu(thread)

    def _threads(self, pid: str) -> list[Path]:
        with suppress(OSError):
            threads = list((self._proc / pid / "task").iterdir())
            children = (self._proc / pid / "task" / pid / "children").read_text().split()
            return [*threads, *(thread for child in children for thread in self._threads(child))]
        return []

    def worst(self, since: float, until: float, *, without: ChildProcess | None = None) -> float:
        """The longest in seconds between these two times, each as of `time.time()`, that a thread
        of one of these processes, `without` that one, waited from one look to the next."""
        waits = [
            wait.seconds
            for wait in self._waits
            if wait.ended > since and wait.began < until and wait.process is not without
        ]
        return max(waits, default=0.0)
