"""The embedded database: one SQLite file in the data directory, for one process.

Owns the directory's lock, the schema's version, and the two threads in which all SQL runs: one
that writes, in groups, and one that reads beside it. Knows nothing of what the tables mean.

    reactor                      writer thread
    write(a) ─┐
    write(b) ─┼─ waiting… ──▶    BEGIN  a  b  c  COMMIT (one fsync)
    write(c) ─┘                         │
    a, b and c are answered  ◀──────────┘   durable, in the order of the calls

What arrives while a commit is under way waits for the next one, so that a hundred chats at once
cost one fsync and a lonely message waits for nobody.
"""

import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Protocol, TypeVar, cast

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from chip.errors import ConfigError, Unavailable
from chip.protocol.times import format_time

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

UPGRADES = tuple((files("chip.sqlite") / name).read_text("utf-8") for name in ("schema-1.sql",))
"""What brings the schema from each version to the next, beginning with an empty database."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_GROUP = 256
_WAITING = 20_000
_BUSY_MS = 5000


class Threads(Protocol):
    """The part of a reactor that the database needs."""

    def callFromThread(self, callable: Callable[..., object], *args: object) -> object:
        """Run `callable` in the reactor's thread, soon, in the order of these calls."""

    def seconds(self) -> float:
        """The time as a Unix timestamp, in seconds."""


class SqliteDatabase:
    """The file ``chip.sqlite3`` in `data_dir`, which is made (mode 0700) where there is none."""

    def __init__(
        self, data_dir: Path, reactor: Threads, *, upgrades: Sequence[str] = UPGRADES
    ) -> None:
        self.data_dir = data_dir
        self.reactor = reactor
        self._upgrades = upgrades
        self._lock = _DirectoryLock(data_dir)
        self._writer: _Worker | None = None
        self._reader: _Worker | None = None

    async def open(self) -> None:
        """Lock the directory, bring the schema up to date and begin to serve.

        Raises ConfigError when another process has the directory, or it cannot be used, or a
        newer Chip has made what is in it.
        """
        self._lock.acquire()
        path = database_path(self.data_dir)
        try:
            self._writer = _Worker("chip-sqlite-writer", path, self.reactor, _in_groups)
            await self._writer.do(lambda connection: upgrade(connection, self._upgrades), raw=True)
            self._reader = _Worker("chip-sqlite-reader", path, self.reactor, _one_by_one)
            await self._reader.do(lambda connection: None)
        except (sqlite3.Error, Unavailable) as error:
            await self.close()
            raise ConfigError(f"data_dir: cannot use {path}: {error}") from None
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Finish what was asked for, then let go of the file and the directory."""
        for worker in (self._writer, self._reader):
            if worker is not None:
                await worker.close()
        self._writer = self._reader = None
        self._lock.release()

    async def write(self, work: Work[T]) -> T:
        """Run `work` in a transaction and return its result once that is on the disk.

        An exception from `work` undoes what it did, nothing else, and is raised here. Raises
        Unavailable when the database cannot take it; then nothing of it has happened.
        """
        return await self._ask(self._writer, work)

    async def read(self, work: Work[T]) -> T:
        """Run `work`, which only reads, on one consistent view of what was committed."""
        return await self._ask(self._reader, work)

    async def _ask(self, worker: "_Worker | None", work: Work[T]) -> T:
        if worker is None:
            raise Unavailable("the embedded database is closed")
        try:
            return await worker.do(work)
        except sqlite3.IntegrityError:
            raise
        except sqlite3.Error as error:
            raise Unavailable("the embedded database is in trouble") from error


def database_path(data_dir: Path) -> Path:
    """Where the database of a data directory lies."""
    return data_dir / "chip.sqlite3"


def make_directory(data_dir: Path) -> None:
    """Make the directory (mode 0700) and the file (0600) where there are none.

    Raises ConfigError when that cannot be.
    """
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(database_path(data_dir), os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise ConfigError(f"data_dir: cannot use {data_dir}: {error.strerror}") from None


def stored_number(number: int | None) -> int | None:
    """`number` if SQLite can hold it: what is beyond that is stored nowhere."""
    return number if number is None or -(2**63) <= number < 2**63 else None


def microseconds(moment: datetime) -> int:
    """A time as the tables of channels, contacts and messages keep it."""
    return (moment - _EPOCH) // _MICROSECOND


def time_text(stored: int) -> str:
    """A time of these tables as RFC 3339."""
    return format_time(_EPOCH + stored * _MICROSECOND)


def connect(path: Path) -> sqlite3.Connection:
    """A connection that answers only for what is on the disk. It belongs to its thread."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=_BUSY_MS / 1000)
    connection.row_factory = sqlite3.Row
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        # macOS: fsync alone leaves the data in the drive's own memory.
        connection.execute("PRAGMA fullfsync = ON")
        connection.execute("PRAGMA foreign_keys = ON")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def upgrade(connection: sqlite3.Connection, upgrades: Sequence[str] = UPGRADES) -> None:
    """Bring the schema to the newest version, each step whole or not at all.

    Raises ConfigError when it is newer than any that this Chip knows.
    """
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(upgrades):
        raise ConfigError(
            f"data_dir: the database has version {version}, and this Chip knows only"
            f" {len(upgrades)}; it was made by a newer one"
        )
    for number, script in enumerate(upgrades[version:], version + 1):
        try:
            connection.executescript(f"BEGIN;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


class _DirectoryLock:
    """One process has the directory. The kernel lets go of the lock when the process dies."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._file: int | None = None

    def acquire(self) -> None:
        make_directory(self._directory)
        file = os.open(self._directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(file, 20).decode("ascii", "replace").strip()
            os.close(file)
            raise ConfigError(
                f"data_dir: {self._directory} is in use by another Chip"
                + (f" (process {holder})" if holder else "")
            ) from None
        os.truncate(file, 0)
        os.write(file, b"%d\n" % os.getpid())
        self._file = file

    def release(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


class _Job:
    __slots__ = ("deferred", "raw", "work")

    def __init__(self, work: Work[Any], raw: bool) -> None:
        self.work = work
        self.raw = raw
        self.deferred: Deferred[Any] = Deferred()


Answers = list[tuple[_Job, Any]]


class _Worker:
    """A thread with a connection of its own, and what waits for it."""

    log = Logger()

    def __init__(
        self,
        name: str,
        path: Path,
        reactor: Threads,
        run: Callable[[sqlite3.Connection, list[_Job]], Answers],
    ) -> None:
        self._path = path
        self._reactor = reactor
        self._run_jobs = run
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._closed: Deferred[None] | None = None
        # A daemon, so that a process which fails to start can still end.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def do(self, work: Work[T], *, raw: bool = False) -> T:
        """Run `work` in the thread; `raw` work has no transaction around it."""
        if self._closed is not None:
            raise Unavailable("the embedded database is closed")
        if self._jobs.qsize() >= _WAITING:
            raise Unavailable("the embedded database is overloaded")
        job = _Job(work, raw)
        self._jobs.put(job)
        return cast(T, await job.deferred)

    async def close(self) -> None:
        """Do all that was asked for, then end the thread."""
        if self._closed is None:
            self._closed = Deferred()
            self._jobs.put(None)
            await self._closed
            self._thread.join()

    def _run(self) -> None:
        try:
            connection = connect(self._path)
        except sqlite3.Error:
            self._refuse_all(_this_failure())
            return
        while jobs := self._take():
            self._reactor.callFromThread(_answer, self._run_jobs(connection, jobs))
        connection.close()
        self._reactor.callFromThread(self._end)

    def _take(self) -> list[_Job]:
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

    def _refuse_all(self, failure: Failure) -> None:
        while (job := self._jobs.get()) is not None:
            self._reactor.callFromThread(_answer, [(job, failure)])
        self._reactor.callFromThread(self._end)

    def _end(self) -> None:
        if self._closed is not None:
            self._closed.callback(None)


def _answer(answers: Answers) -> None:
    for job, result in answers:
        # A Failure goes to the errback.
        job.deferred.callback(result)


def _in_groups(connection: sqlite3.Connection, jobs: list[_Job]) -> Answers:
    """Run the jobs in one transaction; one that fails is undone alone."""
    if any(job.raw for job in jobs):
        return [(job, _attempt(connection, job)) for job in jobs]
    answers: Answers = []
    try:
        connection.execute("BEGIN IMMEDIATE")
        for job in jobs:
            connection.execute("SAVEPOINT job")
            result = _attempt(connection, job)
            if isinstance(result, Failure):
                # Some errors (a full disk) end the whole transaction: then this raises as well.
                connection.execute("ROLLBACK TO job")
            connection.execute("RELEASE job")
            answers.append((job, result))
        connection.execute("COMMIT")
    except sqlite3.Error:
        failure = _this_failure()
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        return [(job, failure) for job in jobs]
    return answers


def _one_by_one(connection: sqlite3.Connection, jobs: list[_Job]) -> Answers:
    answers: Answers = []
    for job in jobs:
        try:
            connection.execute("BEGIN")
            result = _attempt(connection, job)
            connection.execute("ROLLBACK")
        except sqlite3.Error:
            result = _this_failure()
        answers.append((job, result))
    return answers


def _attempt(connection: sqlite3.Connection, job: _Job) -> Any:
    try:
        return job.work(connection)
    except Exception:
        return _this_failure()


def _this_failure() -> Failure:
    return Failure()
