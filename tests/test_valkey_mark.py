"""Whether something was lost: what each kind of loss does to the mark, and to the numbers."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from txredisapi import ConnectionError as ConnectionLost
from txredisapi import ResponseError

from chip.chat.ports import Loss
from chip.errors import Unavailable
from chip.limits import Limits
from chip.queue.valkey import queue as valkey_queue
from chip.queue.valkey.errors import refused
from chip.queue.valkey.keys import Keys
from chip.queue.valkey.mark import Mark, look_at
from chip.queue.valkey.outages import Outages
from chip.queue.valkey.scripts import ScriptTexts
from chip.tasks import pause
from tests.contracts.queue_parts import CHAT, OTHER_CHAT, Process, message, name
from tests.support.valkey import Valkey
from tests.support.valkey_rig import ValkeyRig

MARK = "chat:mark"


@pytest_twisted.async_yield_fixture
async def rig(valkey):
    rig = ValkeyRig(valkey)
    yield rig
    await rig.close()


@pytest_twisted.async_yield_fixture
async def forgetful():
    """On a server that keeps what it had when it was told to `SAVE`."""
    with Valkey(settings={"appendonly": "no"}) as valkey:
        rig = ValkeyRig(valkey)
        yield rig
        await rig.close()


async def read(process: Process, chat=CHAT):
    return await process.outbox.read(chat, 0, 100, 100_000)


async def loss_of(process: Process, chat=CHAT) -> Loss:
    loss = (await read(process, chat)).loss
    assert loss is not None
    return loss


async def fill(process: Process, chat=CHAT) -> None:
    await process.outbox.fill(chat, (await loss_of(process, chat)).name, [])


async def restart(rig: ValkeyRig) -> None:
    await deferToThread(rig.valkey.kill)
    await deferToThread(rig.valkey.start)


async def interruption(process: Process) -> None:
    """Wait until this process is told of one."""
    await process.ears.hear("interrupted")


@pytest_twisted.ensureDeferred
async def test_a_process_that_comes_and_goes_changes_nothing(rig):
    here = await rig.process()
    await fill(here)
    await here.queue.close()
    assert (await read(await rig.process())).loss is None


@pytest_twisted.ensureDeferred
async def test_a_connection_that_is_lost_changes_nothing(rig):
    here = await rig.process()
    await fill(here)
    await deferToThread(rig.valkey.drop_clients)
    await interruption(here)
    assert (await read(here)).loss is None


@pytest_twisted.ensureDeferred
async def test_a_database_that_is_wiped_has_lost_something(rig):
    here = await rig.process()
    before = await loss_of(here)
    await fill(here)
    await rig.cli("FLUSHALL")
    assert (await loss_of(here)).name > before.name


@pytest_twisted.ensureDeferred
async def test_a_loss_was_noticed_just_now_where_the_clock_was_set_back_since(rig):
    here = await rig.process()
    since = int((await loss_of(here)).name)
    await rig.cli("HSET", MARK, "since", str(since + 3_600_000_000))
    assert (await loss_of(here)).age == 0


@pytest_twisted.ensureDeferred
async def test_that_it_was_wiped_is_noticed_while_everybody_is_connected(rig, monkeypatch):
    monkeypatch.setattr(valkey_queue, "WATCH_EVERY", 0.05)
    here, there = await rig.process(), await rig.process("there")
    await rig.cli("FLUSHALL")
    for process in (here, there):
        await process.ears.hear("interrupted")
    # Once each.
    await pause(reactor, 0.2)
    assert [len(process.ears.heard) for process in (here, there)] == [1, 1]


@pytest_twisted.ensureDeferred
async def test_a_server_that_starts_again_may_have_lost_something(rig):
    here, there = await rig.process(), await rig.process("there")
    await fill(here)
    await restart(rig)
    await interruption(here)
    loss = await loss_of(here)
    await interruption(there)
    # The second to come back does not name another one.
    assert (await loss_of(there)).name == loss.name


@pytest_twisted.ensureDeferred
async def test_another_server_with_the_same_data_may_lack_something(rig):
    """A replica that was promoted."""
    here = await rig.process()
    await fill(here)
    await rig.cli("HSET", MARK, "server", "the run of another server")
    await deferToThread(rig.valkey.drop_clients)
    await interruption(here)
    assert (await loss_of(here)).age < 60_000


@pytest_twisted.ensureDeferred
async def test_who_went_on_with_the_old_server_after_others_had_noticed_has_lost_something(
    rig, monkeypatch
):
    """Another process has come to this server before, and named the loss; this one has stored
    things elsewhere since, and does not look at the mark between these two steps."""
    monkeypatch.setattr(valkey_queue, "WATCH_EVERY", 3600)
    here = await rig.process()
    late = str(int(await rig.cli("HGET", MARK, "since")) + 1)
    await rig.cli("HSET", MARK, "since", late)
    await pause(reactor, 0.1)
    await deferToThread(rig.valkey.drop_clients)
    await interruption(here)
    assert (await loss_of(here)).name > late


@pytest_twisted.ensureDeferred
async def test_numbers_go_on_beyond_those_that_were_lost(forgetful):
    here = await forgetful.process()
    await here.send(1)
    await forgetful.cli("SAVE")
    for number in range(2, 6):
        await here.send(number)
    lost = (await read(here)).head
    await restart(forgetful)
    await interruption(here)
    for number in (10, 11):
        await here.send(number)
    page = await read(here)
    assert [item.id for item in page.items] == ["m1", "m10", "m11"]
    first, second, third = (item.number for item in page.items)
    assert first < lost < second
    assert third == second + 1


@pytest_twisted.ensureDeferred
async def test_numbers_of_what_is_put_back_do_so_too(forgetful):
    here = await forgetful.process()
    await here.send(1)
    await forgetful.cli("SAVE")
    await here.send(2)
    lost = (await read(here)).head
    await restart(forgetful)
    await interruption(here)
    await here.outbox.fill(CHAT, (await loss_of(here)).name, [(name(2), message(2), 1000)])
    assert (await read(here)).items[1].number > lost


@pytest_twisted.ensureDeferred
async def test_numbers_follow_on_each_other_as_long_as_nothing_was_lost(rig):
    here = await rig.process()
    for number in (1, 2):
        await here.send(number)
    await fill(here)
    await here.send(3)
    items = (await read(here)).items
    assert [item.number - items[0].number for item in items] == [0, 1, 2]


@pytest_twisted.ensureDeferred
async def test_a_user_who_may_not_ask_for_the_run_has_a_mark_all_the_same():
    with Valkey(user="chip", password="secret", acl="~* &* +@all -info") as valkey:
        rig = ValkeyRig(valkey)
        here = await rig.process()
        await fill(here)
        await fill(here, OTHER_CHAT)
        await rig.cli("FLUSHALL")
        assert (await loss_of(here)).age < 60_000
        await rig.close()


@pytest.mark.parametrize("process", ["one", "two"])
@pytest_twisted.ensureDeferred
async def test_a_restart_between_two_starts_of_chip_is_noticed(rig, process):
    here = await rig.process()
    await fill(here)
    await here.queue.close()
    await restart(rig)
    assert (await read(await rig.process(process))).loss is not None


# A server that does not say at once whether something was lost.


class FakeServer:
    """Says what the mark is, or refuses to: both as commands and as a connection's protocol."""

    outages = Outages(lambda: 0.0, quiet=True)

    def __init__(self) -> None:
        self.asked: list[Deferred[list[bytes]]] = []

    def request(self, _: bytes) -> Deferred[list[bytes]]:
        self.asked.append(Deferred())
        return self.asked[-1]

    async def send(self, command: bytes, **_: bytes) -> list[bytes]:
        try:
            return await self.request(command)
        except ResponseError as error:
            raise refused(error) from None

    def says(self, mark: bytes) -> None:
        self.asked.pop(0).callback([mark])

    def refuses(self) -> None:
        self.asked.pop(0).errback(ResponseError("CLUSTERDOWN The cluster is down"))


class MarkOf:
    """The mark as one process knows it, and what it tells the process."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.losses = 0
        self.mark = Mark(server, Keys(5), ScriptTexts(Limits()), lambda: 0.0)
        self.mark.on_loss = self._lose

    def _lose(self) -> None:
        self.losses += 1

    def connects(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self.mark.connected(self.server))

    def is_to_number(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self.mark.be_sure())


@pytest.fixture
def marked():
    """A process that is connected, and knows the mark."""
    marked = MarkOf(FakeServer())
    marked.connects()
    marked.server.says(b"1")
    return marked


def test_while_all_is_well_nobody_is_asked_before_something_is_numbered(marked):
    assert marked.is_to_number().called
    assert not marked.server.asked


def test_what_a_server_refuses_to_say_at_first_is_asked_before_something_is_numbered(marked):
    marked.mark.disconnected()
    marked.connects()
    marked.server.refuses()
    numbering = marked.is_to_number()
    marked.server.refuses()
    numbering.addErrback(lambda failure: failure.trap(Unavailable))
    assert (numbering.result, marked.losses) == (Unavailable, 0)
    numbering = marked.is_to_number()
    assert not numbering.called
    marked.server.says(b"2")
    assert numbering.called
    assert marked.losses == 1
    assert not marked.mark.in_doubt


def test_what_the_server_of_before_says_is_believed_of_that_one_only(marked):
    marked.mark.doubted()
    asked = marked.is_to_number()
    marked.mark.doubted()
    marked.server.says(b"1")
    assert asked.called
    assert marked.mark.in_doubt


def test_a_connection_that_is_lost_while_marks_are_looked_at_is_said_to_be():
    server: Any = FakeServer()
    marks = [MarkOf(server).mark for _ in range(3)]
    looking = Deferred.fromCoroutine(look_at(marks, server))
    for asked in server.asked:
        asked.errback(ConnectionLost("Lost connection"))
    assert looking.addErrback(lambda failure: failure.type).result is ConnectionLost


@pytest_twisted.ensureDeferred
async def test_numbers_go_on_beyond_those_that_were_lost_where_nothing_can_be_stored_at_first(
    forgetful, expected_failures
):
    """So that the mark cannot be made anew as soon as the server is back."""
    here = await forgetful.process()
    await here.send(1)
    await forgetful.cli("SAVE")
    for number in (2, 3):
        await here.send(number)
    lost = (await read(here)).head
    forgetful.valkey.settings["min-replicas-to-write"] = "1"
    await restart(forgetful)
    await interruption(here)
    with pytest.raises(Unavailable, match="too few replicas"):
        await here.send(4)
    expected_failures.take()
    await forgetful.cli("CONFIG", "SET", "min-replicas-to-write", "0")
    await here.send(4)
    assert [item.number > lost for item in (await read(here)).items] == [False, True]
    assert here.ears.heard == [("interrupted",)] * 2
