"""A thread in which SQL runs, and the jobs that wait for it.

Whatever is raised there, every job is answered and the thread goes on: errors of the database are
logged, and the next jobs get a new connection.
"""

import contextlib
import sqlite3
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Protocol, TypeVar, cast

from twisted.internet.defer import Deferred
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from chip.errors import Unavailable
from chip.sqlite.trouble import is_trouble, sqlite_reason
from chip.threads import Threads, call_in_reactor
from chip.throttle import Outage

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

MAX_GROUP = 256
"""Jobs that are run together at most."""
MAX_JOBS_WAITING = 20_000
"""Jobs that may wait at most."""


class ReactorOfWorker(Threads, Protocol):
    """The methods of the reactor that are used."""

    def seconds(self) -> float:
        """The time as a Unix timestamp, in seconds."""


class Job:
    """A function to call with the connection, and the Deferred of its result."""

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

    When `run` raises, none of these jobs has been done. `operation` is "read" or "written".
    """

    _log = Logger()

    def __init__(
        self,
        operation: str,
        reactor: ReactorOfWorker,
        connect: Callable[[], sqlite3.Connection],
        run: Callable[[sqlite3.Connection, list[Job]], Answers],
    ) -> None:
        self._operation = operation
        self._reactor = reactor
        self._connect = connect
        self._run = run
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._connection: sqlite3.Connection | None = None
        self._closed: Deferred[None] | None = None
        self.outage = Outage(
            self._log,
            f"the database cannot be {operation}: {{reason}}",
            f"the database can be {operation} again",
            reactor.seconds,
            level=LogLevel.error,
        )
        # A daemon, so that a process which fails to start can still end.
        self._thread = threading.Thread(
            target=self._run_jobs, name=f"chip-sqlite-{operation}", daemon=True
        )
        self._thread.start()

    async def do(self, work: Work[T]) -> T:
        """Run `work` in the thread and return its result, or raise what it raised.

        Raises Unavailable when the database does not work.
        """
        if self._closed is not None:
            raise Unavailable("the database is closed")
        if self._jobs.qsize() >= MAX_JOBS_WAITING:
            self.outage.failed(f"{MAX_JOBS_WAITING} calls wait for it")
            raise Unavailable("the database is overloaded")
        job = Job(work)
        self._jobs.put(job)
        return cast(T, await job.deferred)

    async def close(self) -> None:
        """Do the jobs that wait, then end the thread."""
        if self._closed is None:
            self._closed = Deferred()
            self._jobs.put(None)
            await self._closed
            self._thread.join()

    # In the thread.

    def _run_jobs(self) -> None:
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
                self._drop_connection()
                away = Failure(Unavailable(f"the database cannot be {self._operation}"))
                answers = [
                    (job, away if result is trouble or _is_trouble(result) else result)
                    for job, result in answers
                ]
            call_in_reactor(self._reactor, self._answer, answers, trouble)
        self._drop_connection()
        call_in_reactor(self._reactor, self._end)

    def _take(self) -> list[Job]:
        """The jobs that wait, at least one; none when the worker is closed."""
        job = self._jobs.get()
        jobs = []
        while job is not None:
            jobs.append(job)
            if self._jobs.empty() or len(jobs) >= MAX_GROUP:
                return jobs
            job = self._jobs.get()
        if jobs:
            self._jobs.put(None)
        return jobs

    def _drop_connection(self) -> None:
        """Roll back and close the connection. Errors of that are ignored."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.rollback()
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    # In the reactor.

    def _answer(self, answers: Answers, trouble: Failure | None) -> None:
        if trouble is None:
            self.outage.worked()
        elif is_trouble(trouble.value):
            self.outage.failed(sqlite_reason(trouble.value))
        else:  # a mistake of ours, which is to be shown whole
            self.outage.failed(sqlite_reason(trouble.value), log_failure=trouble)
        for job, result in answers:
            # A Failure goes to the errback.
            job.deferred.callback(result)

    def _end(self) -> None:
        if self._closed is not None:
            self._closed.callback(None)


def _is_trouble(result: object) -> bool:
    return isinstance(result, Failure) and is_trouble(result.value)
