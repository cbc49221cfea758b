"""A Chip that runs alone, and the disk under it: full, damaged, lost, restored."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from chip.tasks import pause
from tests.support.chip_process import ChipProcess
from tests.support.desk_api import TOKEN, DeskApi
from tests.support.fetch import fetch
from tests.support.visitor import Visitor
from tests.support.visitors import Visitors


@pytest.fixture
def alone(tmp_path):
    """A Chip that runs alone, and somebody at its desk."""
    with ChipProcess(directory=tmp_path, limits="off", desk_token=TOKEN, desk_guide=False) as chip:
        chip.secrets.add(TOKEN)
        yield chip, DeskApi(tmp_path / "chip-data")
    chip.check_log()


def command(chip: ChipProcess, *words: str) -> str:
    """Run another command with the settings of this Chip; return what it prints."""
    twistd = str(Path(sys.executable).with_name("twistd"))
    done = subprocess.run(
        [twistd, "chip", *words],
        cwd=chip.directory,
        env=dict(chip.environment() or {}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def leave_no_room(chip: ChipProcess) -> None:
    """From now on none of the process's files can grow beyond the largest of the database's."""
    data: Path = chip.directory / "chip-data"
    largest = max(path.stat().st_size for path in data.iterdir())
    resource.prlimit(chip.pid, resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))


def make_room(chip: ChipProcess) -> None:
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.prlimit(chip.pid, resource.RLIMIT_FSIZE, unlimited)


async def ready(chip: ChipProcess):
    return await deferToThread(fetch, f"{chip.ops_url}/readyz")


async def test_a_full_disk_refuses_writes_serves_reads_and_is_over_when_there_is_room(alone):
    chip, desk = alone
    channel = desk.channel()
    bob = Visitor(chip.url, channel.uuid)
    chip.visitors.append(bob)
    await bob.connect()
    await bob.start_chat()
    bob.send("before it was full", "r1")
    await bob.expect("msg_accepted", ref="r1")
    while desk.texts() != ["before it was full"]:
        await pause(reactor, 0.05)
    await desk.apart.send(channel, bob.chat_id, "Welcome", chip=chip.url)
    await bob.hears("Welcome")
    while desk.states() != {"D"}:
        await pause(reactor, 0.05)

    leave_no_room(chip)
    for number in range(5):
        bob.send("while it is full", f"full-{number}")
        await bob.expect("error", code="unavailable")
    sent = await desk.apart.send(channel, bob.chat_id, "from the desk", chip=chip.url)
    assert sent["status"] == 503
    bob.get_history("2100-01-01T00:00:00Z")
    assert len((await bob.expect("history"))["history"]) == 2
    answer = await ready(chip)
    assert (answer.status, answer.json["parts"]["queues"]) == (
        503,
        "the database cannot be written",
    )
    assert answer.json["parts"]["store"] == "ok"

    make_room(chip)
    while (await ready(chip)).status != 200:
        await pause(reactor, 0.05)
    bob.send("there is room again", "r2")
    await bob.expect("msg_accepted", ref="r2")
    [again] = await desk.apart.again(sent, chip=chip.url)
    assert again["status"] == 200
    await bob.hears("from the desk")
    while desk.texts() != ["before it was full", "there is room again"]:
        await pause(reactor, 0.05)
    await bob.leave()

    told = [line for line in chip.log().splitlines() if "database" in line or "gave up" in line]
    assert len(told) == 2, told
    assert "the database cannot be written: disk I/O error; look at the disk" in told[0]
    assert "the database can be written again" in told[1]


async def test_a_backup_made_under_load_brings_back_history_channels_and_what_waits(
    alone, tmp_path
):
    chip, desk = alone
    channel = desk.channel()
    ada = Visitor(chip.url, channel.uuid)
    chip.visitors.append(ada)
    await ada.connect()
    await ada.start_chat()
    ada.send("This is Ada, and I have to go", "r1")
    await ada.expect("msg_accepted", ref="r1")
    await ada.vanish()
    while desk.texts(ada.chat_id) == []:
        await pause(reactor, 0.05)
    await desk.apart.send(channel, ada.chat_id, "We shall wait for you", chip=chip.url)
    while desk.states() != {"W"}:
        await pause(reactor, 0.05)
    file = tmp_path / "backup.sqlite3"
    visitors = Visitors(desk, channel, [chip.url])
    await visitors.come(4)
    async with visitors.talking():
        while len(desk.texts()) < 2:  # Ada's, and one that was said under load
            await pause(reactor, 0.05)
        said = await deferToThread(command, chip, "backup", str(file))
        assert said == f"{file}: {file.stat().st_size:,} bytes\n"
        await pause(reactor, 0.5)
    await visitors.come_to_rest()
    chip.kill()

    other = ChipProcess(directory=tmp_path / "other", desk_token=TOKEN, desk_guide=False)
    other.directory.mkdir()
    restored = await deferToThread(command, other, "restore", str(file))
    assert restored == f"chip-data holds what is in {file}\n"
    with other:
        desk = DeskApi(other.directory / "chip-data")
        assert desk.channel() == channel
        again = Visitor(other.url, channel.uuid, ada.chat_id)
        other.visitors.append(again)
        await again.connect()
        assert (await again.start_chat())["type"] == "chat_resumed"
        await again.hears("We shall wait for you")
        again.get_history("2100-01-01T00:00:00Z")
        page = (await again.until("history"))["history"]
        assert [one["msg_in"]["text"] for one in page if "msg_in" in one] == [
            "This is Ada, and I have to go"
        ]
        assert len(desk.texts()) > 1
        await again.leave()
    other.check_log()


def test_a_damaged_database_ends_a_start_with_one_line(tmp_path):
    chip = ChipProcess(directory=tmp_path, ops_listen="off")
    with chip:
        pass
    database = tmp_path / "chip-data" / "chip.sqlite3"
    with database.open("r+b") as opened:
        opened.seek(4096)
        opened.write(b"\xff" * 100)
    before = chip.log()
    chip.provoked.append("Chip cannot go on")
    status, log = chip.run_to_end()
    said = log.removeprefix(before).splitlines()
    assert status == 1
    [line] = [line for line in said if line.startswith("chip: ")]
    assert line.startswith("chip: could not start: data_dir: chip-data/chip.sqlite3 is damaged (")
    assert line.endswith("; restore a backup (twistd chip restore FILE)")
    chip.check_log()
