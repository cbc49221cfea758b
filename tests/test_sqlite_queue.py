"""The queues on SQLite: the contract of all queues, and what a new start of the process finds."""

from __future__ import annotations

import pytest
import pytest_twisted

from chip.chat.outbound.ports import Outcome
from chip.chat.ports import Balance, Balances
from chip.errors import Unavailable
from chip.limits import Limits
from chip.models import ChatKey, Incoming, MsgName, Report
from chip.queue.sqlite.queue import SqliteQueue
from tests.contracts.queue import QueueContract
from tests.contracts.queue_parts import CLAIM_LASTS
from tests.support.sqlite import Machine

CHAT = ChatKey("65vbbDAQCdPdEWlEhDGy4utO", "7d62d551-3030-4100-a260-2d7c4e9693e7")


@pytest_twisted.async_yield_fixture
async def machine(tmp_path):
    machine = Machine(tmp_path / "data")
    yield machine
    await machine.stop()


class TestSqliteQueue(QueueContract):
    """The contract, on SQLite."""

    @pytest.fixture
    def rig(self, machine):
        return machine


async def say(queue: SqliteQueue, *texts: str, may_claim: bool = True):
    events = [Incoming(text, ref=f"ref-{text}") for text in texts]
    return await queue.spool.append(CHAT, events, last_confirmed="", may_claim=may_claim)


def texts(batch) -> list[str]:
    return [entry.event.text for entry in batch.entries]


@pytest_twisted.ensureDeferred
async def test_everything_that_waits_is_there_after_a_restart(machine):
    queue = await machine.start()
    await queue.outbox.append(CHAT, MsgName(7, "u7"), b'{"text":"hi"}')
    await say(queue, "one", "two", may_claim=False)
    await queue.notes.set_email(CHAT, "bob@example.com")

    queue = await machine.start()
    page = await queue.outbox.read(CHAT, 0, 10, 1000)
    assert [(item.id, item.msg_out) for item in page.items] == [("m7", b'{"text":"hi"}')]
    assert await queue.spool.due(10) == [CHAT]
    batch = (await queue.spool.claim(CHAT)).batch
    assert texts(batch) == ["one", "two"]
    assert batch.unknown == 0
    settled = await queue.spool.settle(batch, Outcome(remove=1))
    assert settled.email == "bob@example.com"


@pytest_twisted.ensureDeferred
async def test_what_was_under_way_is_unknown_once_courier_is_done_with_it(machine):
    queue = await machine.start()
    spooled = await say(queue, "one", "two")
    assert spooled.claim.state == "claimed"

    queue = await machine.start()
    assert await queue.spool.due(10) == []
    assert (await queue.spool.claim(CHAT))[0] == "elsewhere"
    await machine.pass_time(CLAIM_LASTS - 1)
    assert await queue.spool.due(10) == []
    await machine.pass_time(2)
    assert await queue.spool.due(10) == [CHAT]
    claim, batch, *_ = await queue.spool.claim(CHAT)
    assert claim == "claimed"
    assert batch.unknown == 2
    assert texts(batch) == ["one", "two"]


@pytest_twisted.ensureDeferred
async def test_a_claim_whose_outcome_was_never_reported_is_not_held_for_ever(machine):
    queue = await machine.start()
    spooled = await say(queue, "one")
    await machine.pass_time(599)
    assert await queue.spool.due(10) == []
    assert (await queue.spool.claim(CHAT))[0] == "elsewhere"
    await machine.pass_time(2)
    assert await queue.spool.due(10) == [CHAT]
    claim, batch, *_ = await queue.spool.claim(CHAT)
    assert (claim, batch.unknown) == ("claimed", 1)
    assert (await queue.spool.settle(spooled.claim.batch, Outcome(remove=1)))[0] == "elsewhere"


@pytest_twisted.ensureDeferred
async def test_nothing_waits_for_a_courier_that_has_died_with_the_process(machine):
    queue = await machine.start()
    await say(queue, "one", "two")

    queue = await machine.start(courier_died=True)
    assert await queue.spool.due(10) == [CHAT]
    claim, batch, *_ = await queue.spool.claim(CHAT)
    assert claim == "claimed"
    assert batch.unknown == 2


@pytest_twisted.ensureDeferred
async def test_numbers_go_on_rising_after_a_restart(machine):
    queue = await machine.start()
    for number in (1, 2):
        await queue.outbox.append(CHAT, MsgName(number), b"{}")
    await queue.outbox.ack(CHAT, MsgName(2))

    queue = await machine.start()
    await queue.outbox.append(CHAT, MsgName(3), b"{}")
    page = await queue.outbox.read(CHAT, 0, 10, 1000)
    assert [item.number for item in page.items] == [1, 3]
    assert page.head == 3


@pytest_twisted.ensureDeferred
async def test_repeats_are_still_known_after_a_restart(machine):
    queue = await machine.start()
    await say(queue, "one", may_claim=False)
    await queue.outbox.append(CHAT, MsgName(7, "u7"), b"{}")

    queue = await machine.start()
    assert (await say(queue, "one", may_claim=False)).results == ["repeated"]
    assert await queue.outbox.append(CHAT, MsgName(None, "u7"), b"{}") == "repeated"
    assert await queue.outbox.append(CHAT, MsgName(7), b"{}") == "repeated"


@pytest_twisted.ensureDeferred
async def test_clock_that_was_set_back_makes_no_report_wait_for_it(machine):
    queue = await machine.start()
    for number in (1, 2):
        await queue.outbox.append(CHAT, MsgName(number, f"u{number}"), b"{}")
    await queue.outbox.ack(CHAT, MsgName(1, "u1"))
    await machine.pass_time(-86_400)
    queue = await machine.start()
    await queue.outbox.ack(CHAT, MsgName(2, "u2"))
    await machine.pass_time(2)
    batch = (await queue.spool.claim(CHAT)).batch
    assert {entry.event.id for entry in batch.entries} == {1, 2}


@pytest_twisted.ensureDeferred
async def test_clock_that_was_set_back_makes_no_text_wait_for_it(machine):
    queue = await machine.start()
    batch = (await say(queue, "yes")).claim.batch
    await queue.spool.settle(batch, Outcome(remove=1, last_text="yes"))
    await machine.pass_time(-86_400)
    queue = await machine.start()
    batch = (await say(queue, "yes again")).claim.batch
    assert (batch.last_text, batch.since_last_text) == ("yes", 0)


@pytest_twisted.ensureDeferred
async def test_clock_that_was_set_back_hides_no_age_of_what_waits(machine):
    queue = await machine.start()
    await say(queue, "one", may_claim=False)
    await queue.outbox.append(CHAT, MsgName(7, "u7"), b"{}")
    await machine.pass_time(-86_400)
    queue = await machine.start()
    await machine.pass_time(60)
    depths = await queue.depths()
    assert (depths.outbox_oldest, depths.spool_oldest) == (60, 60)


@pytest_twisted.ensureDeferred
async def test_clock_that_was_set_back_strands_nothing(machine):
    queue = await machine.start()
    await say(queue, "one")
    await machine.pass_time(-86_400)

    queue = await machine.start()
    await machine.pass_time(CLAIM_LASTS + 1)
    assert await queue.spool.due(10) == [CHAT]


@pytest_twisted.ensureDeferred
async def test_total_of_what_visitors_said_is_bounded_and_counts_down(machine):
    queue = await machine.start(Limits(spool_total=2))
    spooled = await say(queue, "one", "two", "three")
    assert spooled.results == ["queued", "queued", "full"]
    await queue.spool.settle(spooled.claim.batch, Outcome(remove=2))
    assert (await say(queue, "three")).results == ["queued"]


@pytest_twisted.ensureDeferred
async def test_idle_process_does_not_write(machine):
    queue = await machine.start()
    version = "PRAGMA data_version"
    before = await machine.database.read(lambda c: c.execute(version).fetchone()[0])
    await queue.spool.keep_alive()
    after = await machine.database.read(lambda c: c.execute(version).fetchone()[0])
    assert before == after


@pytest_twisted.ensureDeferred
async def test_chats_of_half_a_year_ago_are_forgotten_at_a_start_unless_something_waits(machine):
    queue = await machine.start()
    waiting = ChatKey("a" * 24, CHAT.channel_uuid)
    await queue.outbox.append(waiting, MsgName(1), b"{}")
    await queue.notes.chat_made(CHAT, 60)
    await machine.pass_time(181 * 86_400)

    await machine.start()
    names = await machine.database.read(
        lambda c: [row[0] for row in c.execute("SELECT name FROM chat")]
    )
    assert names == [str(waiting)]


@pytest_twisted.ensureDeferred
async def test_failed_report_follows_a_message_that_waited_too_long(machine):
    queue = await machine.start()
    await queue.outbox.append(CHAT, MsgName(7, "u7"), b"{}")
    await machine.pass_time(14 * 86_400)
    assert await queue.outbox.expire(10) == 1
    batch = (await queue.spool.claim(CHAT)).batch
    assert [entry.event for entry in batch.entries] == [Report("failed", 7, "u7")]


@pytest_twisted.ensureDeferred
async def test_a_process_that_could_not_write_tries_until_it_can(machine, expected_failures):
    queue = await machine.start()

    def fill_the_disk(connection):
        connection.execute("PRAGMA max_page_count = 1")
        connection.execute("INSERT INTO setting VALUES ('long', ?)", ("x" * 100_000,))

    with pytest.raises(Unavailable):
        await machine.database.write(fill_the_disk)
    assert not machine.database.takes_writes
    await queue.spool.keep_alive()
    assert machine.database.takes_writes
    expected_failures.take()


@pytest_twisted.ensureDeferred
async def test_what_somebody_else_took_out_is_missing(machine):
    queue = await machine.start()
    await queue.outbox.append(CHAT, MsgName(7, "u7"), b"{}")
    await say(queue, "one", "two", may_claim=False)
    await machine.database.write(lambda connection: connection.execute("DELETE FROM spool"))
    assert await queue.balances() == Balances(
        Balance(accepted=1, waiting=1), Balance(accepted=2, missing=2)
    )
