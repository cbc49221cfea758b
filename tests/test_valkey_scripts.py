"""The scripts, and the calls that carry many of their entries."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, DeferredList, gatherResults
from twisted.logger import formatEvent

import chip.queue.valkey
from chip.errors import Unavailable
from chip.limits import Limits
from chip.queue.valkey import queue as valkey_queue
from tests.contracts.queue_parts import CHAT, HOUR, OTHER_CHAT, message, name
from tests.support.valkey_rig import ValkeyRig

LUA = sorted(Path(chip.queue.valkey.__file__).parent.joinpath("lua").glob("*.lua"))
MANY = 500


@pytest_twisted.async_yield_fixture
async def rig(valkey):
    rig = ValkeyRig(valkey)
    yield rig
    await rig.close()


@pytest.fixture
def unwatched(monkeypatch):
    """No queue looks by itself whether its server is what it was."""
    monkeypatch.setattr(valkey_queue, "WATCH_EVERY", 3600)


async def calls_of(rig: ValkeyRig, command: str) -> int:
    """How often the server has carried out a command."""
    stats = await rig.cli("INFO", "commandstats")
    match = re.search(rf"cmdstat_{command}:calls=(\d+)", stats)
    return int(match[1]) if match else 0


@pytest.mark.parametrize("path", LUA, ids=lambda path: path.name)
def test_a_script_is_told_its_keys(path):
    code = re.sub(r"--.*", "", path.read_text())
    assert "chat:" not in code


@pytest_twisted.ensureDeferred
async def test_what_comes_while_a_call_is_under_way_goes_together(rig, unwatched):
    here = await rig.process()
    await rig.cli("CONFIG", "RESETSTAT")
    sent = [Deferred.fromCoroutine(here.send(number)) for number in range(MANY)]
    await gatherResults(sent)
    assert await here.waiting() == list(range(MANY))
    # One for the first, and then as many together as a call may carry.
    assert await calls_of(rig, "evalsha") <= 2 + MANY // 200 + 1


@pytest_twisted.ensureDeferred
async def test_a_call_carries_long_messages_in_parts(rig, unwatched):
    here = await rig.process(limits=Limits(outbox_bytes=10_000_000))
    await rig.cli("CONFIG", "RESETSTAT")
    text = "x" * 600_000
    sent = [Deferred.fromCoroutine(here.send(number, text=text)) for number in (1, 2, 3, 4)]
    assert await gatherResults(sent) == ["queued"] * 4
    assert await calls_of(rig, "evalsha") == 4
    assert await here.waiting() == [1, 2, 3, 4]


@pytest_twisted.ensureDeferred
async def test_one_entrys_failure_hurts_no_other(rig, expected_failures):
    here = await rig.process()
    await rig.cli("SET", f"chat:outbox:{OTHER_CHAT}", "not a list")
    sent = [
        Deferred.fromCoroutine(here.send(number, chat))
        for number in range(20)
        for chat in (CHAT, OTHER_CHAT)
    ]
    results = await DeferredList(sent, consumeErrors=True)
    assert [done for done, _ in results] == [True, False] * 20
    assert all(result.check(Unavailable) for done, result in results if not done)
    assert await here.waiting() == list(range(20))
    (event,) = expected_failures.take()
    assert "WRONGTYPE" in formatEvent(event)


@pytest_twisted.ensureDeferred
async def test_a_server_that_forgot_the_scripts_is_told_again_and_the_order_holds(rig):
    here = await rig.process()
    await rig.cli("SCRIPT", "FLUSH")
    sent = [Deferred.fromCoroutine(here.send(number)) for number in range(MANY)]
    await gatherResults(sent)
    assert await here.waiting() == list(range(MANY))


@pytest_twisted.ensureDeferred
async def test_a_caller_who_gives_up_hurts_no_other(rig):
    here = await rig.process()
    sent = [Deferred.fromCoroutine(here.send(number)) for number in range(10)]
    for given_up in sent[::2]:
        given_up.addErrback(lambda _: "given up")
        given_up.cancel()
    assert await gatherResults(sent) == ["given up", "queued"] * 5
    assert await here.waiting() == list(range(10))


@pytest_twisted.ensureDeferred
async def test_one_chat_that_cannot_be_swept_does_not_hide_the_others(rig, expected_failures):
    here = await rig.process()
    for chat in (CHAT, OTHER_CHAT):
        await here.outbox.append(chat, name(1), message(1))
    await rig.pass_time(15 * 24 * HOUR)
    await rig.cli("SET", f"chat:outbox:{CHAT}", "no list")
    assert await here.outbox.expire(10) == 1
    with pytest.raises(Unavailable):
        await here.outbox.expire(10)
    expected_failures.take()
