"""What the queues hold of a chat, seen from outside: the same of both."""

from __future__ import annotations

import contextlib

import pytest_twisted
from twisted.internet import reactor

from chip.limits import Limits
from chip.models import ChatKey, MsgName
from chip.queue.snapshot import ChatSnapshot
from chip.queue.sqlite import snapshots
from chip.queue.valkey.address import parse_url
from chip.queue.valkey.cluster.snapshots import ClusterSnapshots
from chip.queue.valkey.snapshots import ValkeySnapshots
from chip.sqlite.connection import connect_to_read
from chip.sqlite.files import database_path
from tests.contracts.queue_parts import CHANNEL, CHAT, OTHER_CHAT, REST, name
from tests.contracts.queue_times import TimedContract
from tests.support.cluster_rig import ClusterRig
from tests.support.sqlite import Machine
from tests.support.valkey_rig import ValkeyRig

NOBODYS = ChatKey("0" * 24, CHANNEL)


class Lookout:
    """Somebody who only looks, by the `snapshots` of a rig."""

    async def look(self, chat: ChatKey = CHAT) -> ChatSnapshot:
        async with self.looking() as taken:
            return await taken.take(chat)

    async def waiting(self, chat_id: str, channel: str) -> list[ChatKey]:
        async with self.looking() as taken:
            return await taken.waiting(chat_id, channel)

    @contextlib.asynccontextmanager
    async def looking(self):
        taken = self.snapshots()
        await taken.open()
        try:
            yield taken
        finally:
            await taken.close()


class ValkeyLookout(Lookout, ValkeyRig):
    """Processes on one Valkey, and somebody who only looks."""

    def snapshots(self):
        return ValkeySnapshots(parse_url(self.valkey.url), reactor, Limits())


class ClusterLookout(Lookout, ClusterRig):
    """Processes on one Cluster, and somebody who only looks."""

    def snapshots(self):
        return ClusterSnapshots(parse_url(self.cluster.url), reactor, Limits())


class SqliteLookout(Machine):
    """Processes on one data directory, and somebody who only looks."""

    async def look(self, chat: ChatKey = CHAT) -> ChatSnapshot:
        with contextlib.closing(connect_to_read(database_path(self.data_dir))) as connection:
            return snapshots.take(connection, chat, int(self.time.now * 1000), Limits())

    async def waiting(self, chat_id: str, channel: str) -> list[ChatKey]:
        with contextlib.closing(connect_to_read(database_path(self.data_dir))) as connection:
            return snapshots.waiting(connection, chat_id, channel)


class SnapshotContract(TimedContract):
    """Each state of a message, on its way and back."""

    @pytest_twisted.ensureDeferred
    async def test_a_chat_that_nobody_has_heard_of_is_empty(self, rig):
        await rig.process()
        assert (await rig.look(NOBODYS)).is_empty

    @pytest_twisted.ensureDeferred
    async def test_messages_wait_for_their_visitor_in_order(self, rig, about):
        here = await rig.process()
        await here.send(10)
        await rig.pass_time(60)
        await here.send(11)
        seen = await rig.look()
        assert [one.name for one in seen.outbox] == [name(10), name(11)]
        first, second = seen.outbox
        assert about(first.age, 60)
        assert about(second.age, 0)
        assert about(seen.sent["m10"].handed_over, 60)
        assert not seen.is_empty
        assert (seen.spool, seen.reports, seen.claim, seen.due_in) == ([], [], None, None)

    @pytest_twisted.ensureDeferred
    async def test_a_message_that_has_only_a_uuid_is_named_by_it(self, rig):
        here = await rig.process()
        await here.outbox.append(CHAT, MsgName(uuid="uuid-12"), b'{"uuid":"uuid-12"}')
        assert (await rig.look()).outbox[0].name == MsgName(uuid="uuid-12")

    @pytest_twisted.ensureDeferred
    async def test_the_report_on_an_acknowledged_message_rests_and_then_waits(self, rig):
        here = await rig.process()
        await here.send(10)
        await here.outbox.ack(CHAT, MsgName(10))
        seen = await rig.look()
        assert seen.outbox == []
        (report,) = seen.reports
        assert (report.kind, report.name) == ("delivered", name(10))
        assert report.ready_in == max(0, REST * 1000 - seen.sent["m10"].handed_over)
        assert seen.sent["m10"].delivered is not None

        await rig.pass_time(REST + 1)
        await here.claim()
        seen = await rig.look()
        assert seen.reports == []
        assert [(one.kind, one.name) for one in seen.spool] == [("delivered", name(10))]

        await here.settle(await claimed_again(here, rig), remove=1)
        seen = await rig.look()
        assert seen.spool == []
        assert seen.sent["m10"].delivered >= REST * 1000

    @pytest_twisted.ensureDeferred
    async def test_what_the_visitor_said_waits_with_its_own_id(self, rig, about):
        here = await rig.process()
        await here.say("c1", "c2", may_claim=False)
        await rig.pass_time(5)
        seen = await rig.look()
        assert [(one.kind, one.ref) for one in seen.spool] == [("said", "c1"), ("said", "c2")]
        assert about(seen.spool[0].age, 5)
        assert seen.claim is None
        assert seen.due_in <= 0
        assert seen.reason is None

    @pytest_twisted.ensureDeferred
    async def test_whose_claim_it_is_and_how_old(self, rig, about):
        here = await rig.process("here")
        await here.take("c1", "c2")
        claim = (await rig.look()).claim
        assert (claim.process, claim.under_way, claim.is_alive) == ("here", 2, True)
        await rig.pass_time(13)
        claim = (await rig.look()).claim
        assert about(claim.age, 13)
        assert not claim.is_alive

    @pytest_twisted.ensureDeferred
    async def test_tries_and_what_courier_answered_last(self, rig, about):
        here = await rig.process()
        batch = await here.take("c1", "c2")
        await here.settle(batch, failed=True, unknown=1, delay=9000, reason="502 of a proxy")
        await rig.pass_time(4)
        seen = await rig.look()
        assert (seen.tries, seen.unknown, seen.reason) == (1, 1, "502 of a proxy")
        assert about(seen.failing_for, 4)
        assert seen.failing_for + seen.due_in == 9000
        await rig.pass_time(6)
        await here.settle(await here.claim(), remove=2, last_confirmed="uuid-1")
        seen = await rig.look()
        assert (seen.tries, seen.reason, seen.last_confirmed) == (0, "", "uuid-1")

    @pytest_twisted.ensureDeferred
    async def test_chats_that_have_something_waiting_are_found_by_their_beginnings(self, rig):
        here = await rig.process()
        assert await rig.waiting("65vb", CHANNEL[:8]) == []
        await here.send(10)
        await here.say("c1", chat=OTHER_CHAT)
        assert await rig.waiting("65vb", CHANNEL[:8]) == [CHAT]
        assert await rig.waiting(OTHER_CHAT.chat_id, "") == [OTHER_CHAT]
        assert await rig.waiting("65vb", "00000000") == []


async def claimed_again(here, rig):
    """The claim of a chat whose attempt has come to nothing."""
    await rig.pass_time(601)
    return await here.claim()


class TestClusterSnapshots(SnapshotContract):
    @pytest_twisted.async_yield_fixture
    async def rig(self, cluster):
        rig = ClusterLookout(cluster)
        yield rig
        await rig.close()

    @pytest_twisted.ensureDeferred
    async def test_processes_that_have_the_chat_open_are_counted(self, rig):
        here, there = await rig.process(), await rig.process("there")
        assert (await rig.look()).listeners == 0
        await here.live.subscribe(CHAT)
        await there.live.subscribe(CHAT)
        assert (await rig.look()).listeners == 2


class TestValkeySnapshots(SnapshotContract):
    @pytest_twisted.async_yield_fixture
    async def rig(self, valkey):
        rig = ValkeyLookout(valkey)
        yield rig
        await rig.close()

    @pytest_twisted.ensureDeferred
    async def test_processes_that_have_the_chat_open_are_counted(self, rig):
        here, there = await rig.process(), await rig.process("there")
        assert (await rig.look()).listeners == 0
        await here.live.subscribe(CHAT)
        await there.live.subscribe(CHAT)
        assert (await rig.look()).listeners == 2

    @pytest_twisted.ensureDeferred
    async def test_looking_changes_nothing(self, rig, valkey):
        here = await rig.process()
        await here.send(10)
        await here.take("c1")
        before = valkey.contents()
        await rig.look()
        await rig.look(NOBODYS)
        assert valkey.contents() == before

    @pytest_twisted.ensureDeferred
    async def test_what_another_program_has_left_has_no_name_where_it_cannot_be_read(self, rig):
        await rig.cli("RPUSH", f"chat:outbox:{CHAT}", "nonsense", '{"id":"m5","ts":1,"msg":{}}')
        seen = await rig.look()
        assert [one.name for one in seen.outbox] == [MsgName(), MsgName(5)]


class TestSqliteSnapshots(SnapshotContract):
    @pytest_twisted.async_yield_fixture
    async def rig(self, tmp_path):
        machine = SqliteLookout(tmp_path / "data")
        yield machine
        await machine.stop()
