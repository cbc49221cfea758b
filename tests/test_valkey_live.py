"""The push over a connection that breaks."""

from __future__ import annotations

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, DeferredList, gatherResults
from twisted.internet.threads import deferToThread

from chip.errors import Unavailable
from chip.models import ChatKey
from tests.contracts.queue_parts import CHANNEL, CHAT, OTHER_CHAT, Process, name
from tests.support.proxy import FaultyProxy
from tests.support.valkey_rig import ValkeyRig

pytestmark = pytest.mark.private_parts

MANY = [ChatKey(f"{number:024}", CHANNEL) for number in range(1200)]
NOTHING = "chat:live:5:"


@pytest_twisted.async_yield_fixture
async def rig(valkey):
    rig = ValkeyRig(valkey)
    yield rig
    await rig.close()


@pytest.fixture
def proxy(valkey):
    with FaultyProxy(valkey.port) as proxy:
        yield proxy


@pytest_twisted.async_yield_fixture
async def here(rig, proxy, valkey):
    """A process whose connections can be cut, with one chat open."""
    process = Process(await rig.queue(url=valkey.url_of(5, port=proxy.port)))
    await process.live.subscribe(CHAT)
    yield process


async def open_chats(rig: ValkeyRig) -> set[str]:
    """The chats that anybody listens to, as the server knows."""
    channels = (await rig.cli("PUBSUB", "CHANNELS", "chat:live:*")).split()
    return {channel.removeprefix(NOTHING) for channel in channels} - {""}


@pytest_twisted.ensureDeferred
async def test_every_open_chat_is_heard_again_after_a_cut(rig, proxy, here):
    await gatherResults([Deferred.fromCoroutine(here.live.subscribe(chat)) for chat in MANY])
    await deferToThread(proxy.reset)
    await here.ears.hear("interrupted")
    assert await open_chats(rig) == {str(chat) for chat in [*MANY, CHAT]}
    for chat in (MANY[0], MANY[-1]):
        assert await here.send(1, chat) == "queued"
        assert "arrived" in [event[0] for event in await here.heard(chat)]


@pytest_twisted.ensureDeferred
async def test_what_was_missed_is_told_once_both_connections_stand(rig, proxy, here):
    await deferToThread(proxy.reset)
    await here.ears.hear("interrupted")
    assert rig.queues[0].connected


@pytest_twisted.ensureDeferred
async def test_a_chat_that_was_closed_while_away_is_not_heard_again(rig, proxy, here):
    await here.live.subscribe(OTHER_CHAT)
    await deferToThread(proxy.refuse)
    with pytest.raises(Unavailable):
        await here.live.subscribe(MANY[0])
    here.live.unsubscribe(OTHER_CHAT)
    await deferToThread(proxy.heal)
    await here.ears.hear("interrupted")
    assert await open_chats(rig) == {str(CHAT)}


@pytest_twisted.ensureDeferred
async def test_who_was_told_that_he_hears_nothing_hears_nothing(rig, proxy, here):
    await deferToThread(proxy.cut_after, 20_000)
    wishes = [Deferred.fromCoroutine(here.live.subscribe(chat)) for chat in MANY]
    results = await DeferredList(wishes, consumeErrors=True)
    assert {failure.type for done, failure in results if not done} == {Unavailable}
    await here.ears.hear("interrupted")
    heard = {str(chat) for chat, (done, _) in zip(MANY, results, strict=True) if done}
    assert await open_chats(rig) == heard | {str(CHAT)}


@pytest_twisted.ensureDeferred
async def test_a_second_wish_for_a_chat_waits_for_the_first(rig, proxy, here):
    wishes = [Deferred.fromCoroutine(here.live.subscribe(OTHER_CHAT)) for _ in range(3)]
    assert not any(wish.called for wish in wishes)
    await gatherResults(wishes)
    assert str(OTHER_CHAT) in await open_chats(rig)


@pytest_twisted.ensureDeferred
async def test_a_closed_chat_is_closed_on_the_server_too(rig, here):
    here.live.unsubscribe(CHAT)
    here.live.unsubscribe(CHAT)
    here.live.unsubscribe(OTHER_CHAT)
    await here.live.subscribe(MANY[0])
    assert await open_chats(rig) == {str(MANY[0])}


@pytest_twisted.ensureDeferred
async def test_another_database_of_the_same_server_is_another_world(rig, valkey, here):
    elsewhere = Process(await rig.queue(url=valkey.url_of(6)))
    await elsewhere.live.subscribe(CHAT)
    await elsewhere.send(1)
    await here.send(2)
    assert len(await here.heard()) == 1
    assert len(await elsewhere.heard()) == 1


@pytest.mark.parametrize("nonsense", ["", "x", "+", "+{}", '+{"seq":1}', "-", "=a b", "-a b"])
@pytest_twisted.ensureDeferred
async def test_nonsense_on_a_channel_is_survived(rig, here, nonsense, expected_failures):
    await rig.cli("PUBLISH", NOTHING + str(CHAT), nonsense)
    assert await here.heard() == []
    if nonsense not in ("", "x"):
        expected_failures.take(ValueError)


@pytest_twisted.ensureDeferred
async def test_a_listener_that_fails_does_not_deafen_the_process(rig, here, expected_failures):
    def fail(*_):
        raise ZeroDivisionError

    here.ears.arrived = fail
    await here.send(1)
    assert await here.heard() == []
    expected_failures.take(ZeroDivisionError)


@pytest_twisted.ensureDeferred
async def test_others_hear_of_acks_and_echoes_though_ones_own_subscription_is_dead(rig, here):
    """To the server, one living listener looks the same as this process alone."""
    there = await rig.process("there")
    await there.live.subscribe(CHAT)
    await here.send(1)
    # Behind the process's back, as if its connection had died and nobody had noticed yet.
    here.live._current.write(b"UNSUBSCRIBE", [here.live.channel(CHAT)])
    await here.live.connection.call(b"PING")

    acked = await here.outbox.ack(CHAT, name(1))
    await here.say("Hello")
    assert acked is not None
    assert [event[0] for event in await there.heard()] == ["arrived", "acked", "told"]
