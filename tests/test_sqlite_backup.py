"""Backups of the database, and what they are good for."""

from __future__ import annotations

import contextlib
import resource
import shutil
import sqlite3
import stat
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from chip.chat.ports import Loss
from chip.desk.channels import insert_channel
from chip.errors import ConfigError
from chip.queue.sqlite.queue import SqliteQueue
from chip.sqlite.backup import backup, restore
from chip.sqlite.database import SqliteDatabase
from chip.sqlite.files import commits_path, database_path
from tests.contracts.queue_parts import CHAT
from tests.support.sqlite import Machine


@pytest.fixture
def data_dir(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "backups" / "monday.sqlite3"


@pytest_twisted.async_yield_fixture
async def database(data_dir, file):
    file.parent.mkdir()
    opened = SqliteDatabase(data_dir, reactor)
    await opened.open()
    yield opened
    await opened.close()


async def add(database: SqliteDatabase, name: str) -> str:
    return await database.write(lambda db: insert_channel(db, name))


async def loss_of(queue: SqliteQueue) -> Loss | None:
    return (await queue.outbox.read(CHAT, 0, 10, 10_000)).loss


def names(path: Path) -> list[str]:
    connection = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    try:
        return [row[0] for row in connection.execute("SELECT name FROM channel ORDER BY name")]
    finally:
        connection.close()


async def names_after_a_start(data_dir: Path) -> list[str]:
    database = SqliteDatabase(data_dir, reactor)
    await database.open()
    found = await database.read(
        lambda db: [row[0] for row in db.execute("SELECT name FROM channel ORDER BY name")]
    )
    await database.close()
    return found


def damage(path: Path) -> None:
    with path.open("r+b") as opened:
        opened.seek(4096)
        opened.write(b"\xff" * 4096)


@pytest_twisted.ensureDeferred
async def test_a_backup_is_one_file_for_the_owner_alone_made_beside_a_running_chip(database, file):
    await add(database, "Shop")
    size = backup(database.data_dir, file)
    await add(database, "later")
    assert names(file) == ["Shop"]
    assert list(file.parent.iterdir()) == [file]
    assert file.stat().st_size == size
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest_twisted.ensureDeferred
async def test_a_backup_is_of_one_moment_while_others_write(database, file):
    copying = deferToThread(backup, database.data_dir, file)
    written = 0
    while not copying.called:
        await database.write(lambda db: [insert_channel(db, "a"), insert_channel(db, "b")])
        written += 1
    await copying
    found = names(file)
    assert found.count("a") == found.count("b") <= written


@pytest_twisted.ensureDeferred
async def test_no_file_is_overwritten(database, file):
    file.write_text("precious")
    with pytest.raises(ConfigError, match="exists already"):
        backup(database.data_dir, file)
    assert file.read_text() == "precious"


@pytest_twisted.ensureDeferred
async def test_a_damaged_database_makes_no_backup(database, data_dir, file):
    await add(database, "Shop")
    await database.close()
    damage(database_path(data_dir))
    with pytest.raises(ConfigError, match=r"damaged|malformed"):
        backup(data_dir, file)
    assert list(file.parent.iterdir()) == []


def test_there_is_no_backup_of_a_directory_without_a_database(tmp_path):
    with pytest.raises(ConfigError, match=f"there is no database in {tmp_path / 'wrong'}"):
        backup(tmp_path / "wrong", tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


@pytest_twisted.ensureDeferred
async def test_a_backup_that_cannot_be_written_is_said_in_one_line(database, tmp_path):
    with pytest.raises(ConfigError, match=r"cannot write .*/no/where.part: No such file"):
        backup(database.data_dir, tmp_path / "no" / "where")


@pytest_twisted.ensureDeferred
async def test_a_backup_goes_into_a_new_directory(database, file, tmp_path):
    await add(database, "Shop")
    backup(database.data_dir, file)
    assert restore(tmp_path / "new", file) is None
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"lock", "chip.sqlite3"}
    assert await names_after_a_start(tmp_path / "new") == ["Shop"]
    assert names(file) == ["Shop"]


@pytest_twisted.ensureDeferred
async def test_what_was_there_is_moved_aside(database, data_dir, file, tmp_path):
    await add(database, "Shop")
    backup(data_dir, file)
    await add(database, "later")
    killed = tmp_path / "killed"
    shutil.copytree(data_dir, killed)
    aside = restore(killed, file)
    assert aside.parent == killed
    assert {path.name for path in aside.iterdir()} == {
        *("chip.sqlite3", "chip.sqlite3-wal", "chip.sqlite3-shm", "chip.sqlite3-commits")
    }
    assert await names_after_a_start(killed) == ["Shop"]
    # There it is as it was, should anybody want it.
    assert await names_after_a_start(aside) == ["Shop", "later"]


@pytest.mark.parametrize("happened", [damage, Path.unlink])
@pytest_twisted.ensureDeferred
async def test_a_restore_gets_over_damage_and_loss(database, data_dir, file, happened):
    await add(database, "Shop")
    backup(data_dir, file)
    await database.close()
    happened(database_path(data_dir))
    with pytest.raises(ConfigError, match="twistd chip restore FILE"):
        await names_after_a_start(data_dir)
    assert restore(data_dir, file) is not None
    assert await names_after_a_start(data_dir) == ["Shop"]


@pytest_twisted.ensureDeferred
async def test_nothing_is_restored_under_a_running_chip(database, data_dir, file):
    backup(data_dir, file)
    await add(database, "Shop")
    with pytest.raises(ConfigError, match="in use by another Chip"):
        restore(data_dir, file)
    assert await database.read(lambda db: db.execute("SELECT name FROM channel").fetchall())


@pytest_twisted.ensureDeferred
async def test_what_is_no_backup_changes_nothing(database, data_dir, file):
    await add(database, "Shop")
    await database.close()
    file.write_bytes(b"no database")
    foreign = sqlite3.connect(file.with_name("foreign"))
    foreign.execute("CREATE TABLE mine (x)")
    foreign.close()
    for wrong, said in (
        (file, "not a database"),
        (file.with_name("foreign"), "was not made by Chip"),
        (file.with_name("nothing"), "there is no file"),
    ):
        with pytest.raises(ConfigError, match=said):
            restore(data_dir, wrong)
    assert await names_after_a_start(data_dir) == ["Shop"]
    assert commits_path(data_dir).exists()


@contextlib.contextmanager
def full_disk():
    """No file takes another byte."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)


@pytest_twisted.ensureDeferred
async def test_a_full_disk_is_named_and_nothing_is_changed(database, data_dir, file):
    await add(database, "Shop")
    backup(data_dir, file)
    await database.close()
    with full_disk(), pytest.raises(ConfigError, match="cannot copy"):
        restore(data_dir, file)
    with full_disk(), pytest.raises(ConfigError, match="cannot copy"):
        backup(data_dir, file.with_name("tuesday"))
    with full_disk(), pytest.raises(ConfigError, match="cannot use"):
        await names_after_a_start(data_dir)
    assert await names_after_a_start(data_dir) == ["Shop"]
    assert list(file.parent.iterdir()) == [file]


async def test_what_was_taken_since_the_backup_may_be_missing_in_every_outbox(tmp_path, file):
    file.parent.mkdir()
    machine = Machine(tmp_path / "data")
    queue = await machine.start()
    await queue.outbox.fill(CHAT, (await loss_of(queue)).name, [])
    assert await loss_of(queue) is None
    backup(machine.data_dir, file)
    await machine.stop()
    restore(machine.data_dir, file)
    queue = await machine.start()
    found = await loss_of(queue)
    await machine.stop()
    assert found is not None
