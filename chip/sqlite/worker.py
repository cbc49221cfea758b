"""A thread in which SQL runs, and what waits for it.

Whatever happens there, every job is answered and the thread lives: what went wrong is logged, and
the next jobs get a fresh connection.
"""

import contextlib
import sqlite3
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Protocol, TypeVar, cast

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from chip.errors import Unavailable
from chip.sqlite.trouble import Outage, is_trouble

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

_GROUP = 256
"""Most jobs that are run together."""
_WAITING = 20_000
"""Most jobs that may wait."""


class Threads(Protocol):
    """The part of a reactor that is needed."""

    def callFromThread(self, callable: Callable[..., object], *args: object) -> object:
        """Run `callable` in the reactor's thread, soon, in the order of these calls."""

    def seconds(self) -> float:
        """The time as a Unix timestamp, in seconds."""


class Job:
    """A piece of work, and who waits for its result."""

    __slots__ = ("deferred", "work")

    def __init__(self, work: Work[Any]) -> None:
        self.work = work
        self.deferred: Deferred[Any] = Deferred()

    def run(self, connection: sqlite3.Connection) -> Any:
        """Do the work; return its result, or the Failure of an ordinary exception."""
        try:
            return self.work(connection)
        except Exception:
            return Failure()


Answers = list[tuple[Job, Any]]


class Worker:
    """One thread. `run` does some jobs on the connection that `connect` makes.

    What `run` raises, it says about all of these jobs: nothing of them has been done.
    """

    def __init__(
        self,
        deed: str,
        reactor: Threads,
        connect: Callable[[], sqlite3.Connection],
        run: Callable[[sqlite3.Connection, list[Job]], Answers],
    ) -> None:
        self._deed = deed
        self._reactor = reactor
        self._connect = connect
        self._run = run
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._connection: sqlite3.Connection | None = None
        self._closed: Deferred[None] | None = None
        self.outage = Outage(deed, reactor.seconds)
        # A daemon, so that a process which fails to start can still end.
        self._thread = threading.Thread(target=self._serve, name=f"chip-sqlite-{deed}", daemon=True)
        self._thread.start()

    async def do(self, work: Work[T]) -> T:
        """Run `work` in the thread and return its result, or raise what it raised.

        Raises Unavailable when the database is in trouble.
        """
        if self._closed is not None:
            raise Unavailable("the database is closed")
        if self._jobs.qsize() >= _WAITING:
            raise Unavailable("the database is overloaded")
        job = Job(work)
        self._jobs.put(job)
        return cast(T, await job.deferred)

    async def close(self) -> None:
        """Do all that was asked for, then end the thread."""
        if self._closed is None:
            self._closed = Deferred()
            self._jobs.put(None)
            await self._closed
            self._thread.join()

    # In the thread.

    def _serve(self) -> None:
        while jobs := self._take():
            try:
                if self._connection is None:
                    self._connection = self._connect()
                answers = self._run(self._connection, jobs)
                trouble = next((result for _, result in answers if _is_trouble(result)), None)
            except BaseException:
                trouble = Failure()
                answers = [(job, trouble) for job in jobs]
            if trouble is not None:
                self._let_go()
                away = Failure(Unavailable(f"the database cannot be {self._deed}"))
                answers = [
                    (job, away if result is trouble or _is_trouble(result) else result)
                    for job, result in answers
                ]
            _tell(self._reactor, self._answer, answers, trouble)
        self._let_go()
        _tell(self._reactor, self._end)

    def _take(self) -> list[Job]:
        """What waits, at least one; nothing when it is time to end."""
        job = self._jobs.get()
        jobs = []
        while job is not None:
            jobs.append(job)
            if self._jobs.empty() or len(jobs) >= _GROUP:
                return jobs
            job = self._jobs.get()
        if jobs:
            self._jobs.put(None)
        return jobs

    def _let_go(self) -> None:
        """Undo what is open, and close. A connection on which that fails is as good as closed."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.rollback()
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    # In the reactor.

    def _answer(self, answers: Answers, trouble: Failure | None) -> None:
        if trouble is not None:
            self.outage.failed(trouble)
        else:
            self.outage.worked()
        for job, result in answers:
            # A Failure goes to the errback.
            job.deferred.callback(result)

    def _end(self) -> None:
        if self._closed is not None:
            self._closed.callback(None)


def _is_trouble(result: object) -> bool:
    return isinstance(result, Failure) and is_trouble(result.value)


async def run_in_thread(reactor: Threads, work: Callable[[], T]) -> T:
    """What `work` returns or raises in a thread of its own."""
    done: Deferred[T] = Deferred()

    def run() -> None:
        try:
            result: Any = work()
        except BaseException:
            result = Failure()
        _tell(reactor, done.callback, result)

    threading.Thread(target=run, name="chip-sqlite-opening", daemon=True).start()
    return await done


def _tell(reactor: Threads, call: Callable[..., object], *args: object) -> None:
    # The call is in the reactor's list before the reactor is woken, which may fail.
    with contextlib.suppress(Exception):
        reactor.callFromThread(call, *args)
