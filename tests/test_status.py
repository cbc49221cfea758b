"""What /readyz says, asked of a database of which one table is damaged."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from chip.limits import Limits
from chip.ops.status import Status
from chip.queue.sqlite.queue import SqliteQueue
from chip.sqlite.database import SqliteDatabase
from chip.sqlite.files import database_path
from chip.store.sqlite import SqliteStore
from tests.support.turned_time import TurnedTime


@pytest_twisted.async_yield_fixture
async def database(tmp_path):
    database = SqliteDatabase(tmp_path, TurnedTime())
    await database.open()
    yield database
    await database.close()


@pytest.fixture
def status(database):
    store, queue = SqliteStore(database), SqliteQueue(database, Limits(), "start")
    server = SimpleNamespace(outbound=SimpleNamespace(courier_trouble=""))
    return Status(None, server, SimpleNamespace(store=store, queue=queue), lambda: False)


async def damage(database, data_dir: Path, table: str) -> None:
    """Overwrite the first pages of a table and its indexes in the file, and forget them."""
    path = database_path(data_dir)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        roots = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE tbl_name = ?", (table,)
        )
        pages = [page for (page,) in roots if page]
    with path.open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * size)
            file.write(b"\xff" * size)
    await database.read(lambda connection: connection.execute("PRAGMA shrink_memory").fetchall())


@pytest_twisted.ensureDeferred
async def test_a_database_without_damage_is_ready(status):
    readiness = await status.readiness()
    assert readiness.ready
    assert (readiness.parts["store"], readiness.parts["queues"]) == ("ok", "ok")


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    ("table", "part"),
    [
        ("channel", "store"),
        ("contact", "store"),
        ("message", "store"),
        ("user", "store"),
        ("chat", "queues"),
        ("outbox", "queues"),
        ("spool", "queues"),
        ("report", "queues"),
    ],
)
async def test_a_table_that_is_damaged_makes_its_part_unready(
    status, database, tmp_path, expected_failures, table, part
):
    await damage(database, tmp_path, table)
    readiness = await status.readiness()
    assert not readiness.ready
    assert {name for name in ("store", "queues") if readiness.parts[name] != "ok"} == {part}
    expected_failures.take()


@pytest_twisted.ensureDeferred
async def test_queues_of_which_a_part_is_away_serve_the_others(status, monkeypatch):
    async def keep_alive() -> str:
        return "43 of 128 partitions store nothing"

    monkeypatch.setattr(status._backend.queue.spool, "keep_alive", keep_alive)
    readiness = await status.readiness()
    assert readiness.ready
    assert readiness.parts["queues"] == "43 of 128 partitions store nothing"


@pytest_twisted.ensureDeferred
async def test_the_queues_are_read_and_written_to_at_the_same_time(status, monkeypatch):
    """A node of a Cluster that is silent holds up either for a while."""
    queue, both_asked = status._backend.queue, Deferred()

    async def is_read() -> None:
        await both_asked

    async def keep_alive() -> str:
        both_asked.callback(None)
        return ""

    monkeypatch.setattr(queue, "depths", is_read)
    monkeypatch.setattr(queue.spool, "keep_alive", keep_alive)
    readiness = await Deferred.fromCoroutine(status.readiness()).addTimeout(30, reactor)
    assert readiness.ready
