"""The database's threads: whatever goes wrong in one, every call is answered, the next tried."""

from __future__ import annotations

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import formatEvent

from chip.errors import Unavailable
from chip.sqlite.database import SqliteDatabase
from chip.sqlite.files import database_path
from tests.support.sqlite import together

SIMPLE = ("CREATE TABLE word (word TEXT PRIMARY KEY);",)
PATIENCE = 60.0


def asked(work):
    """A call's answer, which comes soon whatever happens."""
    return Deferred.fromCoroutine(work).addTimeout(PATIENCE, reactor)


def add(database: SqliteDatabase, word: str):
    return asked(
        database.write(lambda db: db.execute("INSERT INTO word VALUES (?)", (word,)).rowcount)
    )


def words(database: SqliteDatabase):
    return asked(
        database.read(lambda db: sorted(row[0] for row in db.execute("SELECT word FROM word")))
    )


class ShakyReactor:
    """The reactor, which fails to be woken by another thread as often as it is told to."""

    def __init__(self) -> None:
        self.failures = 0
        self.seconds = reactor.seconds

    def callFromThread(self, *call):
        reactor.callFromThread(*call)
        if self.failures:
            self.failures -= 1
            raise OSError("the pipe is closed")


@pytest.fixture
def shaky():
    return ShakyReactor()


@pytest_twisted.async_yield_fixture
async def database(tmp_path, shaky):
    opened = SqliteDatabase(tmp_path / "data", shaky, upgrades=SIMPLE)
    await opened.open()
    yield opened
    await asked(opened.close())


def breaks(connection):
    """Leave a connection on which nothing works any more, not even a rollback."""
    connection.close()


@pytest_twisted.ensureDeferred
async def test_a_write_that_cannot_be_rolled_back_is_answered_and_the_next_one_works(
    database, expected_failures
):
    async with together(database):
        calls = [add(database, "before"), asked(database.write(breaks)), add(database, "after")]
    for call in calls:
        with pytest.raises(Unavailable):
            await call
    await add(database, "next")
    assert await words(database) == ["next"]
    expected_failures.take()


@pytest_twisted.ensureDeferred
async def test_a_read_that_breaks_its_connection_is_answered_and_the_next_one_works(
    database, expected_failures
):
    await add(database, "tree")
    with pytest.raises(Unavailable):
        await asked(database.read(breaks))
    assert await words(database) == ["tree"]
    expected_failures.take()


@pytest.mark.parametrize("error", [SystemExit, GeneratorExit])
@pytest_twisted.ensureDeferred
async def test_what_would_end_a_thread_does_not(database, error, expected_failures):
    def work(connection):
        raise error

    for call in (database.write, database.read):
        with pytest.raises(Unavailable):
            await asked(call(work))
    await add(database, "next")
    assert await words(database) == ["next"]
    assert len(expected_failures.take(error)) == 2


@pytest_twisted.ensureDeferred
async def test_an_exception_of_the_work_itself_is_raised_to_whoever_asked(database):
    def work(connection):
        raise MemoryError

    for call in (database.write, database.read):
        with pytest.raises(MemoryError):
            await asked(call(work))
    await add(database, "next")
    assert await words(database) == ["next"]


@pytest_twisted.ensureDeferred
async def test_a_database_that_cannot_be_opened_again_is_unavailable_until_it_can(
    database, expected_failures
):
    path = database_path(database.data_dir)
    away = path.with_name("away")
    await add(database, "kept")
    path.rename(away)
    for call in (database.write, database.read):
        with pytest.raises(Unavailable):
            await asked(call(breaks))
        with pytest.raises(Unavailable):
            await asked(call(lambda db: None))
    assert not path.exists()
    away.rename(path)
    await add(database, "next")
    assert await words(database) == ["kept", "next"]
    expected_failures.take()


@pytest_twisted.ensureDeferred
async def test_more_than_may_wait_is_refused_and_said(database, monkeypatch, expected_failures):
    monkeypatch.setattr("chip.sqlite.worker.MAX_JOBS_WAITING", 2)
    async with together(database):
        waiting = [add(database, "one"), add(database, "two")]
        with pytest.raises(Unavailable, match="overloaded"):
            await add(database, "three")
    await gatherResults(waiting)
    assert await words(database) == ["one", "two"]
    (event,) = expected_failures.take()
    assert formatEvent(event) == "the database cannot be written: 2 calls wait for it"


@pytest_twisted.ensureDeferred
async def test_a_reactor_that_cannot_be_woken_loses_no_answer(database, shaky):
    shaky.failures = 3
    await add(database, "tree")
    await add(database, "house")
    assert await words(database) == ["house", "tree"]
