"""A Chip that runs alone, and the disk under it."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from chip.tasks import pause
from tests.support.chip_process import ChipProcess
from tests.support.desk_api import TOKEN, DeskApi
from tests.support.fetch import fetch
from tests.support.visitor import Visitor


@pytest.fixture
def alone(tmp_path):
    """A Chip that runs alone, and somebody at its desk."""
    with ChipProcess(directory=tmp_path, limits="off", desk_token=TOKEN, desk_guide=False) as chip:
        chip.secrets.add(TOKEN)
        yield chip, DeskApi(tmp_path / "chip-data")
    chip.check_log()


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

    leave_no_room(chip)
    for number in range(5):
        bob.send("while it is full", f"full-{number}")
        await bob.expect("error", code="unavailable")
    sent = await desk.apart.send(channel, bob.chat_id, "from the desk", chip=chip.url)
    assert sent["status"] == 503
    bob.get_history("2100-01-01T00:00:00Z")
    assert len((await bob.expect("history"))["history"]) == 1
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
