"""Lookups: remembered for a while, shared by those who ask at once, and never a way to hammer."""

from __future__ import annotations

import msgspec
import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from chip.chat.lookups import FRESH_FOR, IN_VAIN_PER_SECOND, MOST_ANSWERS_KEPT, Lookups
from chip.errors import AskedInVain, Unavailable
from chip.limits import Limits
from chip.models import ChatKey
from tests.support.memory_chip import AGENT, BOB, CHANNEL, result_of
from tests.support.memory_store import MemoryStore

CHAT = ChatKey(BOB.chat_id, CHANNEL.uuid)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store():
    store = MemoryStore()
    store.channels[CHANNEL.uuid] = CHANNEL
    store.contacts[1, BOB.chat_id] = BOB
    store.users[AGENT.id] = AGENT
    return store


@pytest.fixture
def directory(store, clock):
    return Lookups(store, clock.seconds, Limits())


def test_what_was_found_is_asked_for_once_while_it_is_fresh(directory, store, clock):
    for _ in range(3):
        assert result_of(directory.channel(CHANNEL.uuid)) == CHANNEL
    assert store.queries == 1
    clock.advance(FRESH_FOR)
    result_of(directory.channel(CHANNEL.uuid))
    assert store.queries == 2


def test_what_was_not_found_is_asked_for_again(directory, store):
    assert result_of(directory.user(99)) is None
    store.users[99] = msgspec.structs.replace(AGENT, id=99)
    assert result_of(directory.user(99)).id == 99


def test_a_changed_secret_counts_when_the_old_one_is_no_longer_fresh(directory, store, clock):
    result_of(directory.channel(CHANNEL.uuid))
    store.channels[CHANNEL.uuid] = changed = msgspec.structs.replace(CHANNEL, secret="open")
    assert result_of(directory.channel(CHANNEL.uuid)) == CHANNEL
    assert result_of(directory.channel(CHANNEL.uuid, again=True)) == changed
    assert result_of(directory.channel(CHANNEL.uuid)) == changed


def test_what_is_gone_from_the_database_is_gone_here(directory, store, clock):
    result_of(directory.channel(CHANNEL.uuid))
    del store.channels[CHANNEL.uuid]
    clock.advance(FRESH_FOR)
    assert result_of(directory.channel(CHANNEL.uuid)) is None
    store.away = True
    with pytest.raises(Unavailable):
        result_of(directory.channel(CHANNEL.uuid))


def test_what_is_known_serves_while_the_database_is_away(directory, store, clock):
    result_of(directory.contact(CHAT))
    store.away = True
    clock.advance(10 * FRESH_FOR)
    assert result_of(directory.contact(CHAT)) == BOB
    assert result_of(directory.contact(CHAT, again=True)) == BOB
    with pytest.raises(Unavailable):
        result_of(directory.user(AGENT.id))


def test_those_who_ask_at_the_same_time_share_one_query(clock):
    slow = _SlowStore()
    directory = Lookups(slow, clock.seconds, Limits())
    answers = []
    for _ in range(3):
        Deferred.fromCoroutine(directory.channel(CHANNEL.uuid)).addCallback(answers.append)
    assert (len(slow.asked), answers) == (1, [])
    slow.asked.pop().callback(CHANNEL)
    assert answers == [CHANNEL] * 3


def test_those_who_ask_at_the_same_time_share_a_failure_too(clock):
    slow = _SlowStore()
    directory = Lookups(slow, clock.seconds, Limits())
    failures = []
    for _ in range(3):
        asking = Deferred.fromCoroutine(directory.channel(CHANNEL.uuid))
        asking.addErrback(lambda failure: failures.append(failure.value))
    slow.asked.pop().errback(Unavailable("away"))
    assert [str(failure) for failure in failures] == ["away"] * 3


class _SlowStore:
    def __init__(self):
        self.asked = []

    async def channel(self, uuid):
        self.asked.append(Deferred())
        return await self.asked[-1]

    user = contact = channel


def test_names_that_do_not_exist_cannot_be_used_to_hammer_the_database(directory, store, clock):
    for n in range(IN_VAIN_PER_SECOND):
        assert result_of(directory.channel(f"{n}", asker="")) is None
    with pytest.raises(AskedInVain):
        result_of(directory.channel("one more", asker=""))
    assert store.queries == IN_VAIN_PER_SECOND
    clock.advance(1)
    assert result_of(directory.channel("one more", asker="")) is None


def test_doubting_a_secret_again_and_again_does_not_hammer_the_database_either(directory, store):
    result_of(directory.channel(CHANNEL.uuid))
    for _ in range(IN_VAIN_PER_SECOND):
        assert result_of(directory.channel(CHANNEL.uuid, again=True, asker="")) == CHANNEL
    with pytest.raises(AskedInVain):
        result_of(directory.channel(CHANNEL.uuid, again=True, asker=""))
    assert store.queries == IN_VAIN_PER_SECOND + 1
    assert result_of(directory.channel(CHANNEL.uuid, asker="")) == CHANNEL


def test_a_doubt_that_was_right_is_not_in_vain(directory, store):
    for n in range(2 * IN_VAIN_PER_SECOND):
        store.channels[CHANNEL.uuid] = msgspec.structs.replace(CHANNEL, secret=f"{n}")
        channel = result_of(directory.channel(CHANNEL.uuid, again=True, asker=""))
        assert channel.secret == f"{n}"


def test_who_has_not_asked_in_vain_lately_is_not_turned_away(directory, store, clock):
    for n in range(IN_VAIN_PER_SECOND):
        result_of(directory.channel(f"{n}", asker=f"198.51.100.{n % 60}"))
    with pytest.raises(AskedInVain):
        result_of(directory.channel("one more", asker="198.51.100.1"))
    assert result_of(directory.channel(CHANNEL.uuid, asker="203.0.113.9")) == CHANNEL
    assert result_of(directory.channel("no such", asker="203.0.113.9")) is None
    with pytest.raises(AskedInVain):
        result_of(directory.channel("one more", asker="203.0.113.9"))


def test_a_doubt_is_not_dispelled_by_what_is_remembered(directory, store):
    result_of(directory.channel(CHANNEL.uuid))
    store.away = True
    with pytest.raises(Unavailable):
        result_of(directory.channel(CHANNEL.uuid, again=True))


def test_asking_for_channels_that_do_not_exist_keeps_nobody_from_his_chat(directory):
    for n in range(IN_VAIN_PER_SECOND):
        result_of(directory.channel(f"{n}", asker=""))
    with pytest.raises(AskedInVain):
        result_of(directory.channel(CHANNEL.uuid, asker=""))
    assert result_of(directory.contact(CHAT, asker="")) == BOB


@pytest.mark.parametrize("asker", ["", "198.51.100.1"])
def test_with_the_limits_off_nobody_is_turned_away(store, clock, asker):
    lookups = Lookups(store, clock.seconds, Limits().without_rates())
    for n in range(2 * IN_VAIN_PER_SECOND):
        assert result_of(lookups.channel(f"{n}", asker=asker)) is None
        assert result_of(lookups.contact(ChatKey(f"{n}" * 24, CHANNEL.uuid), asker=asker)) is None


def test_all_together_may_ask_as_often_as_one_may(store, clock):
    limits = msgspec.structs.replace(
        Limits(), vain_lookups_per_second=2 * IN_VAIN_PER_SECOND, vain_lookups_burst=10_000
    )
    lookups = Lookups(store, clock.seconds, limits)
    for n in range(2 * IN_VAIN_PER_SECOND):
        assert result_of(lookups.channel(f"{n}", asker="198.51.100.1")) is None
    with pytest.raises(AskedInVain):
        result_of(lookups.channel("one more", asker="198.51.100.1"))


def test_chip_itself_may_ask_in_vain_and_rations_nobody(directory):
    result_of(directory.channel(CHANNEL.uuid))
    new = ChatKey("n" * 24, CHANNEL.uuid)
    for _ in range(3 * IN_VAIN_PER_SECOND):
        assert result_of(directory.contact(new)) is None
    assert result_of(directory.contact(CHAT, asker="")) == BOB


def test_who_loses_patience_does_not_take_the_answer_from_those_who_wait_with_him(clock):
    slow = _SlowStore()
    directory = Lookups(slow, clock.seconds, Limits())
    impatient = Deferred.fromCoroutine(directory.user(AGENT.id))
    failures = []
    for asking in (impatient, Deferred.fromCoroutine(directory.user(AGENT.id))):
        asking.addErrback(lambda failure: failures.append(failure.type))
    impatient.cancel()
    assert failures == [Unavailable, CancelledError]


def test_looking_up_what_exists_is_never_rationed(directory, store):
    for n in range(3 * IN_VAIN_PER_SECOND):
        store.channels[f"{n}"] = CHANNEL
        assert result_of(directory.channel(f"{n}", asker="203.0.113.9")) == CHANNEL
    for _ in range(3 * IN_VAIN_PER_SECOND):
        assert result_of(directory.contact(CHAT, again=True, asker="203.0.113.9")) == BOB


def test_only_so_much_is_remembered(directory, store):
    for n in range(MOST_ANSWERS_KEPT + 1):
        store.users[n] = AGENT
        result_of(directory.user(n))
    queries = store.queries
    result_of(directory.user(MOST_ANSWERS_KEPT))
    assert store.queries == queries
    result_of(directory.user(0))
    assert store.queries == queries + 1


def test_many_who_come_at_once_and_exist_are_all_looked_up(clock):
    slow = _SlowStore()
    directory = Lookups(slow, clock.seconds, Limits())
    found = []
    for n in range(3 * IN_VAIN_PER_SECOND):
        Deferred.fromCoroutine(directory.user(n)).addCallback(found.append)
    for asked in slow.asked:
        asked.callback(AGENT)
    assert len(found) == 3 * IN_VAIN_PER_SECOND
