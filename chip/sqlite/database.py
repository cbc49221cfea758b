"""The SQLite database: one file in the data directory, for one process.

Owns how it is opened, and the three threads in which all SQL runs: one that writes, in groups, and
two that read beside it, one of them what can wait: pages of history. Knows nothing of what the
tables mean.

    reactor                      writer thread
    write(a) ─┐
    write(b) ─┼─ waiting… ──▶    BEGIN  a  b  c  COMMIT (one fsync)
    write(c) ─┘                         │
    a, b and c are answered  ◀──────────┘   durable, in the order of the calls

Jobs that arrive during a commit wait for the next one. So a hundred at once cost one fsync, and a
single job does not wait for others.
"""

import contextlib
import sqlite3
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from twisted.logger import Logger
from twisted.python.failure import Failure

from chip.errors import Unavailable
from chip.sqlite import commits
from chip.sqlite.check import examine, unusable
from chip.sqlite.connection import connect
from chip.sqlite.files import DirectoryLock, database_path, make_database
from chip.sqlite.schema import UPGRADES, upgrade
from chip.sqlite.trouble import UNREADABLE
from chip.sqlite.worker import Answers, Job, ReactorOfWorker, Work, Worker
from chip.threads import run_in_thread

T = TypeVar("T")


class SqliteDatabase:
    """The file ``chip.sqlite3`` in `data_dir`, which is made (mode 0700) where there is none."""

    _log = Logger()

    def __init__(
        self, data_dir: Path, reactor: ReactorOfWorker, *, upgrades: Sequence[str] = UPGRADES
    ) -> None:
        self.data_dir = data_dir
        self.reactor = reactor
        self._upgrades = upgrades
        self._lock = DirectoryLock(data_dir)
        self._note = commits.CommitNote(data_dir)
        self._writer: Worker | None = None
        self._reader: Worker | None = None
        self._background_reader: Worker | None = None

    async def open(self) -> None:
        """Lock the directory, check the database, bring the schema up to date, start the threads.

        Raises ConfigError when another process has the directory, or it cannot be used, or the
        database is damaged, or a newer Chip has made it.
        """
        self._lock.acquire()
        open_it = partial(connect, database_path(self.data_dir))
        try:
            whole = await run_in_thread(self.reactor, "chip-sqlite-opening", self._prepare)
            self._writer = Worker("written", self.reactor, open_it, partial(_write, self._note))
            self._reader = Worker("read", self.reactor, open_it, _read)
            self._background_reader = Worker("read", self.reactor, open_it, _read)
        except BaseException:
            await self.close()
            raise
        if not whole:
            self._log.info("the database is large, and was not checked to its end")

    def _prepare(self) -> bool:
        """Make the database ready, and return whether all of it was checked."""
        path = database_path(self.data_dir)
        make_database(self.data_dir)
        whole = examine(self.data_dir)
        try:
            with contextlib.closing(connect(path)) as connection:
                upgrade(connection, self._upgrades)
                # An empty commit, so that a start fails where nothing can be written.
                _write(self._note, connection, [])
        except (sqlite3.Error, *UNREADABLE) as error:
            raise unusable(path, error) from None
        return whole

    async def close(self) -> None:
        """Finish the jobs that wait, then close the files and unlock the directory."""
        for worker in (self._writer, self._reader, self._background_reader):
            if worker is not None:
                await worker.close()
        self._writer = self._reader = self._background_reader = None
        self._note.close()
        self._lock.release()

    async def write(self, work: Work[T]) -> T:
        """Run `work` in a transaction and return its result once it is on the disk.

        An exception from `work` rolls back what `work` did, and is raised here. Raises Unavailable
        when the database cannot be written; then nothing of `work` is stored.
        """
        return await self._ask(self._writer, work)

    async def read(self, work: Work[T], *, background: bool = False) -> T:
        """Run `work`, which only reads, on one snapshot of what was committed. What runs in
        the `background` holds up nothing but its like.

        Raises Unavailable when the database cannot be read.
        """
        return await self._ask(self._background_reader if background else self._reader, work)

    async def _ask(self, worker: Worker | None, work: Work[T]) -> T:
        if worker is None:
            raise Unavailable("the database is closed")
        return await worker.do(work)

    @property
    def takes_writes(self) -> bool:
        """Whether the last write could be stored."""
        return self._writer is not None and not self._writer.outage.reason


def _write(note: commits.CommitNote, connection: sqlite3.Connection, jobs: list[Job]) -> Answers:
    """Run the jobs in one transaction; one that fails is rolled back alone."""
    answers: Answers = []
    connection.execute("BEGIN IMMEDIATE")
    for job in jobs:
        connection.execute("SAVEPOINT job")
        result = job.run(connection)
        if isinstance(result, Failure):
            if not connection.in_transaction:
                # An error such as a full disk has rolled back all of them.
                result.raiseException()
            connection.execute("ROLLBACK TO job")
        connection.execute("RELEASE job")
        answers.append((job, result))
    number = commits.count_commit(connection)
    connection.execute("COMMIT")
    note.write(number)
    return answers


def _read(connection: sqlite3.Connection, jobs: list[Job]) -> Answers:
    """Run the jobs one by one, each on a snapshot of its own."""
    return [(job, _on_a_snapshot(connection, job)) for job in jobs]


def _on_a_snapshot(connection: sqlite3.Connection, job: Job) -> Any:
    try:
        connection.execute("BEGIN")
        result = job.run(connection)
        connection.execute("ROLLBACK")
    except sqlite3.Error:
        return Failure()
    return result
