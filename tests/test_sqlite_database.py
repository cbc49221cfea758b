"""The SQLite database: what is written is on the disk, and one process has it."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import formatEvent

from chip.errors import ConfigError, Unavailable
from chip.sqlite.database import SqliteDatabase
from chip.sqlite.files import database_path
from chip.sqlite.schema import UPGRADES
from tests.support.sqlite import together

SIMPLE = ("CREATE TABLE word (word TEXT PRIMARY KEY);",)


def words(database: SqliteDatabase):
    return database.read(
        lambda connection: [row[0] for row in connection.execute("SELECT word FROM word")]
    )


def add(database: SqliteDatabase, word: str):
    return database.write(
        lambda connection: connection.execute("INSERT INTO word VALUES (?)", (word,)).rowcount
    )


@pytest_twisted.async_yield_fixture
async def database(tmp_path):
    opened = SqliteDatabase(tmp_path / "data", reactor, upgrades=SIMPLE)
    await opened.open()
    yield opened
    await opened.close()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_directory_and_files_are_for_the_owner_alone(database):
    assert mode(database.data_dir) == 0o700
    assert {mode(path) for path in database.data_dir.iterdir()} == {0o600}


@pytest_twisted.ensureDeferred
async def test_what_can_wait_holds_up_no_other_reading(database):
    go_on = threading.Event()
    pages = [
        Deferred.fromCoroutine(database.read(lambda _: go_on.wait(120), background=True))
        for _ in range(3)
    ]
    try:
        await Deferred.fromCoroutine(words(database)).addTimeout(60, reactor)
        assert not pages[0].called
    finally:
        go_on.set()
    assert await gatherResults(pages) == [True] * 3


@pytest_twisted.ensureDeferred
async def test_what_was_written_is_read_back_after_a_new_start(database):
    await add(database, "tree")
    await database.close()
    again = SqliteDatabase(database.data_dir, reactor, upgrades=SIMPLE)
    await again.open()
    assert await words(again) == ["tree"]
    await again.close()


@pytest_twisted.ensureDeferred
async def test_commits_are_synchronous_and_in_wal(database):
    pragmas = await database.write(
        lambda connection: [
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    )
    assert pragmas == ["wal", 2, 1]


@pytest_twisted.ensureDeferred
async def test_answers_come_in_the_order_of_the_calls(database):
    answered = []

    def note(result, number):
        answered.append(number)

    calls = [
        Deferred.fromCoroutine(add(database, str(number))).addCallback(note, number)
        for number in range(1000)
    ]
    await gatherResults(calls)
    assert answered == list(range(1000))


@pytest_twisted.ensureDeferred
async def test_what_waits_together_is_committed_together(database):
    changes = "PRAGMA data_version"
    watcher = sqlite3.connect(database_path(database.data_dir))
    commits = set()
    try:
        async with together(database):
            calls = [Deferred.fromCoroutine(add(database, str(number))) for number in range(200)]
        for call in calls:
            call.addCallback(lambda _: commits.add(watcher.execute(changes).fetchone()[0]))
        await gatherResults(calls)
    finally:
        watcher.close()
    assert len(commits) == 1


@pytest_twisted.ensureDeferred
async def test_failed_work_is_undone_alone(database):
    def half(connection):
        connection.execute("INSERT INTO word VALUES ('half')")
        raise ValueError("no")

    async with together(database):
        first = Deferred.fromCoroutine(add(database, "before"))
        failing = Deferred.fromCoroutine(database.write(half))
        last = Deferred.fromCoroutine(add(database, "after"))
    await first
    with pytest.raises(ValueError, match="no"):
        await failing
    await last
    assert sorted(await words(database)) == ["after", "before"]


@pytest_twisted.ensureDeferred
async def test_full_disk_is_unavailable_for_the_whole_group_and_passes(database, expected_failures):
    await add(database, "before")

    def fills_the_disk(connection):
        connection.execute("PRAGMA max_page_count = 3")
        connection.execute("INSERT INTO word VALUES (?)", ("x" * 100_000,))

    async with together(database):
        calls = [
            Deferred.fromCoroutine(add(database, "with it")),
            Deferred.fromCoroutine(database.write(fills_the_disk)),
        ]
    for call in calls:
        with pytest.raises(Unavailable):
            await call
    assert await words(database) == ["before"]
    assert not database.takes_writes
    await add(database, "y" * 100_000)
    assert len(await words(database)) == 2
    assert database.takes_writes
    (event,) = expected_failures.take()
    assert formatEvent(event) == (
        "the database cannot be written: database or disk is full; make room"
    )


def test_second_process_is_refused_with_a_line_that_names_the_first(database):
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from twisted.internet import reactor, defer\n"
        "from chip.sqlite.database import SqliteDatabase\n"
        "from chip.errors import ConfigError\n"
        "database = SqliteDatabase(Path(sys.argv[1]), reactor)\n"
        "try:\n    database.open().send(None)\n"
        "except ConfigError as error:\n    print(error)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", script, str(database.data_dir)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == (
        f"data_dir: {database.data_dir} is in use by another Chip (process {os.getpid()})\n"
    )


@pytest_twisted.ensureDeferred
async def test_directory_that_cannot_be_made_is_said_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="data_dir: cannot use"):
        await SqliteDatabase(tmp_path / "file" / "data", reactor).open()


@pytest_twisted.ensureDeferred
async def test_file_that_is_no_database_is_said_in_one_line(tmp_path):
    database_path(tmp_path).write_bytes(b"this is not a database" * 100)
    with pytest.raises(ConfigError, match="not a database"):
        await SqliteDatabase(tmp_path, reactor).open()


@pytest_twisted.ensureDeferred
async def test_older_schema_is_upgraded_in_place(database):
    await add(database, "old")
    await database.close()
    newer = SqliteDatabase(
        database.data_dir,
        reactor,
        upgrades=(*SIMPLE, "ALTER TABLE word ADD length INTEGER; UPDATE word SET length = 3;"),
    )
    await newer.open()
    rows = await newer.read(
        lambda connection: [tuple(row) for row in connection.execute("SELECT * FROM word")]
    )
    assert rows == [("old", 3)]
    await newer.close()


@pytest_twisted.ensureDeferred
async def test_upgrade_that_fails_changes_nothing(database):
    await add(database, "old")
    await database.close()
    broken = SqliteDatabase(
        database.data_dir, reactor, upgrades=(*SIMPLE, "DELETE FROM word; SELECT nonsense;")
    )
    with pytest.raises(ConfigError, match="nonsense"):
        await broken.open()
    again = SqliteDatabase(database.data_dir, reactor, upgrades=SIMPLE)
    await again.open()
    assert await words(again) == ["old"]
    await again.close()


@pytest_twisted.ensureDeferred
async def test_newer_schema_is_refused(database):
    await database.close()
    older = SqliteDatabase(database.data_dir, reactor, upgrades=())
    with pytest.raises(ConfigError, match="made by a newer one"):
        await older.open()


@pytest_twisted.ensureDeferred
async def test_closed_database_is_unavailable(database):
    await database.close()
    with pytest.raises(Unavailable):
        await words(database)


@pytest_twisted.ensureDeferred
async def test_close_finishes_what_was_asked_for(database):
    waiting = Deferred.fromCoroutine(add(database, "last"))
    await database.close()
    assert await waiting == 1


def test_every_schema_version_is_packaged():
    assert len(UPGRADES) >= 1
    connection = sqlite3.connect(":memory:")
    for script in UPGRADES:
        connection.executescript(script)
    connection.close()


def test_commit_survives_the_process_being_killed(tmp_path):
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from twisted.internet import defer, reactor\n"
        "from chip.sqlite.database import SqliteDatabase\n"
        "database = SqliteDatabase(Path(sys.argv[1]), reactor,"
        " upgrades=('CREATE TABLE word (word TEXT);',))\n"
        "async def main():\n"
        "    await database.open()\n"
        "    await database.write(lambda c: c.execute(\"INSERT INTO word VALUES ('kept')\"))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "reactor.callWhenRunning(lambda: defer.ensureDeferred(main()))\n"
        "reactor.run()\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert killed.returncode == -9
    connection = sqlite3.connect(database_path(tmp_path))
    assert connection.execute("SELECT word FROM word").fetchall() == [("kept",)]
    connection.close()
