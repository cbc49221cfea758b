"""A damaged, lost or incomplete database: Chip serves, or ends with one line. It never hangs."""

from __future__ import annotations

import os
import random
import re
import shutil
import sqlite3
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from chip.desk.channels import insert_channel
from chip.desk.commands import DeskCommands
from chip.desk.queries import DeskQueries
from chip.errors import ConfigError, Unavailable
from chip.limits import Limits
from chip.models import ChatKey, Incoming, MsgName
from chip.queue.sqlite.queue import SqliteQueue
from chip.sqlite.check import first_damage
from chip.sqlite.database import SqliteDatabase
from chip.sqlite.files import commits_path, database_path
from chip.store.sqlite import SqliteStore
from tests.support.turned_time import TurnedTime

CHATS = [f"65vbbDAQCdPdEWlEhDGy4ut{number}" for number in range(4)]
FOREVER = datetime(2100, 1, 1, tzinfo=UTC)
PATIENCE = 20.0
SEEDS = 48


class Chip:
    """What Chip does with its database, without the rest of it."""

    def __init__(self, data_dir: Path) -> None:
        self.database = SqliteDatabase(data_dir, TurnedTime())
        self.store = SqliteStore(self.database)
        self.queue = SqliteQueue(self.database, Limits(), "start")
        self.desk = DeskCommands(self.database, self.database.reactor.seconds)
        self.pages = DeskQueries(self.database, lambda chat: False)

    async def start(self) -> None:
        await self.database.open()

    async def add_channel(self) -> str:
        return await self.database.write(lambda db: insert_channel(db, "Website"))

    async def talk(self, channel_uuid: str, what: str) -> None:
        """Every visitor says something and is answered, and some of it waits."""
        channel = await self.store.channel(channel_uuid)
        for chat in CHATS:
            key = ChatKey(chat, channel_uuid)
            for number in range(12):
                await self.desk.hear(channel, chat, f"{what} {number} {'x' * 10 * number}")
                said = [Incoming(f"{what} {number}", ref=f"{what}{number}")]
                await self.queue.spool.append(key, said, last_confirmed="", may_claim=False)
                name = MsgName(uuid=f"{what}-{chat}-{number}")
                await self.queue.outbox.append(key, name, b'{"text":"Hi"}')

    async def everything(self, channel_uuid: str) -> list[object]:
        """What is known of all visitors; what cannot be had is None."""
        found: list[object] = []

        async def ask(question):
            try:
                found.append(await question)
            except Unavailable:
                found.append(None)
            return found[-1]

        channel = await ask(self.store.channel(channel_uuid))
        await ask(self.pages.conversations("", 0))
        for chat in CHATS if channel else []:
            key = ChatKey(chat, channel_uuid)
            contact = await ask(self.store.contact(channel, chat))
            if contact is not None:
                await ask(self.store.history(contact, FOREVER, 100_000))
                await ask(self.pages.messages(contact.id, 0))
            await ask(self.queue.outbox.read(key, 0, 100, 1_000_000))
            await ask(self.queue.spool.claim(key))
        return found

    async def stop(self) -> None:
        await self.database.close()


class Machines:
    """Two data directories as they were left behind: by a kill, and by an orderly stop."""

    def __init__(self, killed: Path, stopped: Path, channel: str, known: list[object]) -> None:
        self.killed = killed
        self.stopped = stopped
        self.channel = channel
        self.known = known


@pytest_twisted.async_fixture(scope="module")
async def machines(tmp_path_factory):
    root = tmp_path_factory.mktemp("machines")
    chip = Chip(root / "running")
    await chip.start()
    channel = await chip.add_channel()
    await chip.talk(channel, "early")
    await chip.stop()
    chip = Chip(root / "running")
    await chip.start()
    await chip.talk(channel, "late")
    (root / "killed").mkdir()
    for part in ("chip.sqlite3", "chip.sqlite3-wal", "chip.sqlite3-commits"):
        shutil.copy(root / "running" / part, root / "killed")
    await chip.stop()
    stopped = shutil.copytree(root / "running", root / "stopped")
    chip = Chip(root / "running")
    await chip.start()
    known = await chip.everything(channel)
    await chip.stop()
    return Machines(root / "killed", stopped, channel, known)


@pytest.fixture
def killed(machines, tmp_path):
    return shutil.copytree(machines.killed, tmp_path / "killed")


@pytest.fixture
def stopped(machines, tmp_path):
    return shutil.copytree(machines.stopped, tmp_path / "stopped")


def wal(data_dir: Path) -> Path:
    return data_dir / "chip.sqlite3-wal"


def flip(path: Path, *places: int) -> None:
    """Change the bytes at these places."""
    content = bytearray(path.read_bytes())
    for place in places:
        content[place] ^= 0x55
    path.write_bytes(content)


async def refusal(data_dir: Path) -> str:
    """The line with which a start ends."""
    chip = Chip(data_dir)
    with pytest.raises(ConfigError) as caught:
        await Deferred.fromCoroutine(chip.start()).addTimeout(PATIENCE, reactor)
    line = str(caught.value)
    assert line.startswith("data_dir: ")
    assert line.isprintable()
    return line


async def known_to(data_dir: Path, channel: str) -> list[object]:
    """Everything that a start in this directory knows."""
    chip = Chip(data_dir)
    await chip.start()
    try:
        return await chip.everything(channel)
    finally:
        await chip.stop()


@pytest_twisted.ensureDeferred
async def test_after_a_kill_and_after_a_stop_everything_is_there(machines, killed, stopped):
    assert await known_to(killed, machines.channel) == machines.known
    assert await known_to(stopped, machines.channel) == machines.known


# Damage.


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: flip(path, 3),
        lambda path: os.truncate(path, 10_000),
        lambda path: flip(path, *range(4096, 4196)),
        lambda path: flip(path, *range(8192, 12288)),
        lambda path: path.write_bytes(b"no database at all"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_damaged_database_is_named_with_what_can_be_done(stopped, damage):
    path = database_path(stopped)
    damage(path)
    line = await refusal(stopped)
    assert str(path) in line
    assert re.search("damaged|malformed|not a database", line)
    assert "restore a backup (twistd chip restore FILE)" in line


@pytest_twisted.ensureDeferred
async def test_a_start_that_is_refused_changes_nothing(killed):
    flip(database_path(killed), *range(4096, 4196))
    flip(wal(killed), 5000)
    before = {path.name: path.read_bytes() for path in killed.iterdir()}
    await refusal(killed)
    assert {name: (killed / name).read_bytes() for name in before} == before


@pytest_twisted.ensureDeferred
async def test_a_check_ends_with_its_time(stopped, monkeypatch):
    """The time is over in the middle of a check: a timer that a statement's progress sets off."""
    connection = sqlite3.connect(database_path(stopped))
    timers: list[object] = []

    class Timer:
        def __init__(self, seconds: float, call) -> None:
            assert seconds == 5
            timers.append(call)

        def start(self) -> None:
            connection.set_progress_handler(lambda: timers and timers.pop()(), 10)

        def cancel(self) -> None: ...

        def join(self) -> None: ...

    monkeypatch.setattr(threading, "Timer", Timer)
    assert first_damage(connection, "quick_check", 5) is None
    assert timers == []
    connection.close()


# Loss.


@pytest.mark.parametrize(
    "lose",
    [
        lambda data_dir: wal(data_dir).unlink(),
        lambda data_dir: os.truncate(wal(data_dir), 0),
        lambda data_dir: flip(wal(data_dir), 16),
        lambda data_dir: flip(wal(data_dir), 5000),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_write_ahead_log_that_is_lost_or_damaged_is_noticed(machines, killed, lose):
    kept = shutil.copytree(killed, killed.with_name("kept"))
    lose(killed)
    line = await refusal(killed)
    assert "lacks the last" in line
    assert f"to go on without them, remove {commits_path(killed)}" in line
    # Whoever finds it puts it back; whoever does not, goes on.
    commits_path(killed).unlink()
    await known_to(killed, machines.channel)
    assert await known_to(kept, machines.channel) == machines.known


@pytest_twisted.ensureDeferred
async def test_an_older_copy_in_the_databases_place_is_noticed(machines, stopped, tmp_path):
    older = shutil.copy(database_path(stopped), tmp_path / "older")
    chip = Chip(stopped)
    await chip.start()
    await chip.talk(machines.channel, "newer")
    await chip.stop()
    shutil.copy(older, database_path(stopped))
    assert "or it is an older copy" in await refusal(stopped)


@pytest.mark.parametrize(
    ("lose", "state"),
    [(lambda path: path.unlink(), "missing"), (lambda path: os.truncate(path, 0), "empty")],
)
@pytest_twisted.ensureDeferred
async def test_a_database_that_is_gone_is_not_made_anew(machines, stopped, lose, state):
    lose(database_path(stopped))
    line = await refusal(stopped)
    assert f"{database_path(stopped)} is {state}, and it was in use" in line
    assert "restore a backup (twistd chip restore FILE)" in line
    commits_path(stopped).unlink()
    assert await known_to(stopped, machines.channel) == [None, ([], False)]


@pytest_twisted.ensureDeferred
async def test_a_database_of_a_chip_that_did_not_count_is_taken_as_it_is(machines, stopped):
    commits_path(stopped).unlink()
    connection = sqlite3.connect(database_path(stopped))
    connection.execute("DROP TABLE commit_count")
    connection.commit()
    connection.close()
    assert await known_to(stopped, machines.channel) == machines.known
    assert int(commits_path(stopped).read_text()) > 0


@pytest_twisted.ensureDeferred
async def test_a_note_of_commits_that_cannot_be_read_says_nothing(machines, killed):
    commits_path(killed).write_bytes(bytes(21))
    assert await known_to(killed, machines.channel) == machines.known


# Anything.


def damage_somewhere(data_dir: Path, chance: random.Random) -> str:
    """Flip bytes somewhere, or lose a part. Returns where."""
    path, log = database_path(data_dir), wal(data_dir)
    parts = {
        "header": (path, 0, 100),
        "schema": (path, 100, 4096),
        "pages": (path, 4096, path.stat().st_size),
    }
    if log.exists():
        parts["log's header"] = (log, 0, 32)
        parts["log"] = (log, 32, log.stat().st_size)
    part = chance.choice([*parts, "page", "end"])
    if part == "end":
        os.truncate(path, chance.randrange(path.stat().st_size))
    elif part == "page":
        place = 4096 * chance.randrange(path.stat().st_size // 4096)
        flip(path, *range(place, place + 4096))
    else:
        file, begin, end = parts[part]
        flip(file, *(chance.randrange(begin, end) for _ in range(chance.choice((1, 4, 32)))))
    return part


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest_twisted.ensureDeferred
async def test_bytes_flipped_anywhere_are_served_around_or_said_in_one_line(
    machines, tmp_path, seed, expected_failures
):
    left = machines.killed if seed % 2 else machines.stopped
    data_dir = shutil.copytree(left, tmp_path / "data")
    part = damage_somewhere(data_dir, random.Random(seed))
    chip = Chip(data_dir)
    try:
        await Deferred.fromCoroutine(chip.start()).addTimeout(PATIENCE, reactor)
    except ConfigError as error:
        assert str(error).isprintable()
        return
    try:
        found = await Deferred.fromCoroutine(chip.everything(machines.channel)).addTimeout(
            PATIENCE, reactor
        )
    finally:
        await Deferred.fromCoroutine(chip.stop()).addTimeout(PATIENCE, reactor)
    if part in ("log's header", "log"):
        assert found == machines.known, "something is lost, and nothing was said"
    # What could not be had was said in the log, by a line each of reading and writing.
    if expected_failures.events:
        assert len(expected_failures.take()) <= 2
    else:
        assert None not in found
