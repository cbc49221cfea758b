"""What lies in Valkey, and what another server of the same contract has left there."""

from __future__ import annotations

import json
import re

import pytest
import pytest_twisted

from chip.chat.outbound.ports import ClaimResult
from chip.limits import Limits
from chip.models import Incoming, MsgName, Report
from tests.contracts.queue_parts import (
    CHAT,
    CLAIM_LASTS,
    HOUR,
    OTHER_CHAT,
    REST,
    message,
    name,
    texts,
)
from tests.support.valkey_rig import ValkeyRig

OUTBOX = f"chat:outbox:{CHAT}"
LARGE = 9_007_199_254_740_993
THEIRS = (
    '{"id":"m%d","ts":1700000000000,"msg":{"id":%d,"text":"Hi","quick_replies":[],'
    '"user":{"name":"Bob"},"origin":"flow","time":"2024-05-01T17:15:30.123456Z"}}'
)


@pytest_twisted.async_yield_fixture
async def rig(valkey):
    rig = ValkeyRig(valkey)
    yield rig
    await rig.close()


async def they_leave(rig: ValkeyRig, *numbers: int) -> None:
    """Another server has put messages into the outbox."""
    for number in numbers:
        await rig.cli("RPUSH", OUTBOX, THEIRS % (number, number))
    await rig.cli("ZADD", "chat:outboxes", "NX", "1700000000000", str(CHAT))


async def items(rig: ValkeyRig) -> list[str]:
    return (await rig.cli("LRANGE", OUTBOX, "0", "-1")).splitlines()


@pytest_twisted.ensureDeferred
async def test_other_servers_find_what_they_expect(rig):
    here = await rig.process()
    await here.send(10)
    await here.send(11)
    first, second = [json.loads(item) for item in await items(rig)]
    assert (first["id"], second["id"]) == ("m10", "m11")
    assert first["msg"] == json.loads(message(10))
    score = await rig.cli("ZSCORE", "chat:outboxes", str(CHAT))
    assert int(score) == first["ts"]

    await here.outbox.ack(CHAT, name(10))
    score = await rig.cli("ZSCORE", "chat:outboxes", str(CHAT))
    assert int(score) == second["ts"]
    held = await rig.cli("HGET", f"chat:numbers:{CHAT}", "bytes")
    assert int(held) == len(message(11))
    await here.outbox.ack(CHAT, name(11))
    assert await rig.cli("EXISTS", OUTBOX, "chat:outboxes") == "0"


@pytest_twisted.ensureDeferred
async def test_what_another_server_left_is_numbered_where_it_lies(rig):
    here = await rig.process()
    await they_leave(rig, 5, LARGE)
    page = await here.outbox.read(CHAT, 0, 10, 10_000)
    assert [item.id for item in page.items] == ["m5", f"m{LARGE}"]
    assert [item.number for item in page.items] == [page.head - 1, page.head]
    assert page.items[1].msg_out.decode() in THEIRS % (LARGE, LARGE)

    spliced = [re.sub(r'^\{"seq":\d+,', "{", item) for item in await items(rig)]
    assert spliced == [THEIRS % (5, 5), THEIRS % (LARGE, LARGE)]
    assert (await here.outbox.read(CHAT, 0, 10, 10_000)).items == page.items


@pytest_twisted.ensureDeferred
async def test_what_comes_after_another_servers_messages_follows_them(rig):
    here = await rig.process()
    await they_leave(rig, 5, 6)
    await here.send(7)
    page = await here.outbox.read(CHAT, 0, 10, 10_000)
    first = page.items[0].number
    assert [(item.id, item.number - first) for item in page.items] == [
        ("m5", 0),
        ("m6", 1),
        ("m7", 2),
    ]


@pytest_twisted.ensureDeferred
async def test_servers_may_take_over_from_each_other_again_and_again(rig):
    here = await rig.process()
    await here.send(1)
    await they_leave(rig, 2)
    await here.send(3)
    await they_leave(rig, 4, 5)
    taken = await here.outbox.ack(CHAT, MsgName(4))
    assert taken is not None
    page = await here.outbox.read(CHAT, 0, 10, 10_000)
    first = page.items[0].number
    assert [(item.id, item.number - first) for item in page.items] == [
        ("m1", 0),
        ("m2", 1),
        ("m3", 2),
        ("m5", 4),
    ]


@pytest_twisted.ensureDeferred
async def test_another_servers_message_is_acknowledged_and_reported_by_its_id(rig):
    here = await rig.process()
    await they_leave(rig, LARGE)
    assert await here.outbox.ack(CHAT, MsgName(LARGE - 1)) is None
    assert await here.outbox.ack(CHAT, MsgName(LARGE)) is not None
    assert await here.reports() == [Report("delivered", LARGE)]
    assert await rig.cli("EXISTS", OUTBOX, "chat:outboxes") == "0"


@pytest_twisted.ensureDeferred
async def test_another_servers_message_is_not_queued_again(rig):
    here = await rig.process()
    await they_leave(rig, 5)
    now = int((await rig.cli("TIME")).split()[0]) * 1000
    young = (THEIRS % (6, 6)).replace("1700000000000", str(now - 60_000))
    await rig.cli("RPUSH", OUTBOX, young)
    assert await here.outbox.append(CHAT, MsgName(6), message(6)) == "repeated"


@pytest_twisted.ensureDeferred
async def test_another_servers_old_messages_are_swept(rig):
    here = await rig.process()
    await they_leave(rig, 5, 6)
    assert await here.outbox.expire(10) == 2
    assert [entry.event for entry in (await here.claim()).entries] == [
        Report("failed", 5),
        Report("failed", 6),
    ]


@pytest_twisted.ensureDeferred
async def test_room_that_another_server_made_is_found(rig):
    here = await rig.process(limits=Limits(outbox_bytes=2 * len(message(1))))
    await here.send(1)
    await here.send(2)
    await rig.cli("LPOP", OUTBOX)
    assert [await here.send(number) for number in (3, 4)] == ["queued", "full"]


@pytest_twisted.ensureDeferred
async def test_spaces_and_order_of_an_item_do_not_matter(rig):
    here = await rig.process()
    item = '{"id": "m5", "msg": {"id": 5, "text": "\\"ts\\": 1"}, "ts": 1700000000000}'
    await rig.cli("RPUSH", OUTBOX, item)
    page = await here.outbox.read(CHAT, 0, 10, 10_000)
    assert [item.id for item in page.items] == ["m5"]
    assert json.loads(page.items[0].msg_out) == {"id": 5, "text": '"ts": 1'}


@pytest_twisted.ensureDeferred
async def test_queues_stay_for_ever_and_bookkeeping_does_not(rig):
    here = await rig.process()
    await here.send(1)
    await here.take("one")
    await here.notes.chat_made(CHAT, 60)
    await here.notes.set_email(CHAT, "bob@example.com")
    keys = (await rig.cli("KEYS", "*")).split()
    assert all(key.startswith("chat:") for key in keys)

    lasting = [key for key in keys if await rig.cli("TTL", key) == "-1"]
    assert sorted(lasting) == sorted(
        [
            OUTBOX,
            f"chat:spool:{CHAT}",
            "chat:outboxes",
            "chat:spools",
            "chat:spool-ages",
            "chat:spool-totals",
            "chat:alive",
            "chat:balance",
            "chat:mark",
        ]
    )


async def seen(here):
    await here.outbox.ack(CHAT, name(1))


async def never_seen(here):
    assert await here.outbox.expire(10) == 1


@pytest.mark.parametrize(
    ("hours", "end"),
    [(0, seen), (25, seen), (15 * 24, never_seen)],
    ids=["seen at once", "seen a day later", "never seen"],
)
@pytest_twisted.ensureDeferred
async def test_a_chat_at_rest_leaves_nothing_that_lasts(rig, hours, end):
    here = await rig.process()
    await here.send(1)
    await rig.pass_time(hours * HOUR)
    await end(here)
    await rig.pass_time(REST)
    assert len(await here.reports()) == 1
    lasting = [
        key
        for key in (await rig.cli("KEYS", f"*{CHAT}")).split()
        if await rig.cli("TTL", key) == "-1"
    ]
    assert lasting == []
    assert await rig.cli("EXISTS", "chat:spools", "chat:spool-ages", "chat:spool-totals") == "0"


@pytest_twisted.ensureDeferred
async def test_a_chat_that_is_only_looked_at_is_forgotten_after_a_day(rig):
    here = await rig.process()
    before = await here.outbox.read(CHAT, 0, 10, 10_000)
    assert 0 < int(await rig.cli("TTL", f"chat:numbers:{CHAT}")) <= 24 * HOUR
    assert (await here.outbox.read(CHAT, 0, 10, 10_000)).head == before.head


@pytest_twisted.ensureDeferred
async def test_a_claim_that_its_process_never_asked_for_is_left_until_courier_is_done(rig):
    here = await rig.process("here")
    # What another connection of the same process is granted, this one never hears of.
    lost = await rig.process("here")
    await lost.take("one")
    await rig.pass_time(CLAIM_LASTS - 25)
    assert await here.spool.claim(CHAT) == ClaimResult("elsewhere")
    await rig.pass_time(25)
    await here.spool.keep_alive()
    batch = await here.claim()
    assert (texts(batch), batch.unknown) == (["one"], 1)

    await rig.pass_time(CLAIM_LASTS)
    await here.spool.keep_alive()
    assert await here.spool.claim(CHAT) == ClaimResult("elsewhere")
    await rig.pass_time(HOUR)
    assert (await here.claim()).unknown == 1


GARBAGE = [
    "not JSON",
    "{}",
    "[]",
    '"text"',
    '{"id":"m7"}',
    '{"id":7,"ts":1,"msg":{}}',
    '{"id":"m7","ts":1,"msg":"text"}',
    '{"id":"m7","ts":1,"msg":[]}',
    '{"seq":1,"id":"m7","ts":1,"msg":{"id":7,}}',
    '{"seq":1,"id":"m7"}',
    "\x01\x7f",
]


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize("where", ["RPUSH", "LPUSH"])
@pytest_twisted.ensureDeferred
async def test_what_cannot_be_read_is_set_aside_and_the_rest_flows(
    rig, garbage, where, expected_failures
):
    here = await rig.process()
    await here.send(1)
    await here.send(2)
    await rig.cli(where, OUTBOX, garbage)
    await here.send(3)
    assert await here.waiting() == [1, 2, 3]
    assert await here.outbox.ack(CHAT, name(2)) is not None
    assert await here.waiting() == [1, 3]
    assert await rig.cli("LLEN", f"chat:damaged:{CHAT}") == "1"
    (event,) = expected_failures.take()
    assert (event["chat"], event["items"]) == (CHAT.label, 1)


@pytest_twisted.ensureDeferred
async def test_what_cannot_be_read_keeps_nothing_from_expiring(rig, expected_failures):
    here = await rig.process()
    await here.send(1)
    await rig.cli("LPUSH", OUTBOX, "garbage")
    await rig.pass_time(15 * 24 * HOUR)
    assert await here.outbox.expire(10) == 1
    expected_failures.take()
    assert await here.waiting() == []


@pytest_twisted.ensureDeferred
async def test_an_outbox_of_nothing_readable_is_empty(rig, expected_failures):
    here = await rig.process()
    await rig.cli("RPUSH", OUTBOX, "garbage", "more of it")
    assert await here.waiting() == []
    expected_failures.take()
    assert await here.send(1) == "queued"
    assert await here.waiting() == [1]


@pytest_twisted.ensureDeferred
async def test_while_reports_pile_up_the_next_message_has_to_wait(rig):
    here = await rig.process(limits=Limits(spool_events=2))
    await here.spool.append(CHAT, [Report("delivered", 1)] * 4, last_confirmed="", may_claim=False)
    assert await here.send(2) == "full"
    assert await here.send(2, OTHER_CHAT) == "queued"
    batch = await here.claim()
    await here.settle(batch, remove=1)
    assert await here.send(2) == "queued"


@pytest_twisted.ensureDeferred
async def test_only_so_many_refs_of_a_chat_are_remembered(rig, monkeypatch):
    monkeypatch.setattr("chip.queue.valkey.scripts._REFS", 2)
    here = await rig.process()
    batch = await here.take("one", "two", "three")
    await here.settle(batch, remove=3)
    assert (await here.say("three", "two", "one")).results == ["repeated", "repeated", "queued"]


@pytest.mark.parametrize("ref", ["-", "=", "", "ref with spaces ☃"])
@pytest_twisted.ensureDeferred
async def test_a_ref_may_be_anything(rig, ref):
    here = await rig.process()
    event = Incoming("Hello", ref)
    twice = await here.spool.append(CHAT, [event, event], last_confirmed="", may_claim=True)
    assert twice.results == ["queued", "repeated" if ref else "queued"]
    assert twice.claim.batch is not None
    assert twice.claim.batch.entries[0].event == event


@pytest_twisted.ensureDeferred
async def test_a_chip_of_before_holds_back_no_text_that_may_go(rig):
    """It knows no text without a time, and counts from the one that it finds."""
    here = await rig.process()
    await here.settle(await here.take("yes"), remove=1, last_text="digest")
    assert await rig.cli("HGET", f"chat:courier:{CHAT}", "text_at") != "0"
    await here.send(1)
    assert await rig.cli("HGET", f"chat:courier:{CHAT}", "text_at") == "0"
    await here.send(2, chat=OTHER_CHAT)
    assert await rig.cli("HEXISTS", f"chat:courier:{OTHER_CHAT}", "text_at") == "0"
