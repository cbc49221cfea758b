"""Courier refuses the channel or its secret, and no event: what was said is kept."""

from __future__ import annotations

import msgspec
import pytest
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs, formatEvent

from chip.chat.lookups import FRESH_FOR
from chip.chat.outbound import channel_requests
from chip.chat.outbound.ports import CLAIM_TRUSTED
from tests.support.commands import say
from tests.support.memory_chip import CHANNEL, MemoryChip


@pytest.fixture
def chip():
    return MemoryChip()


@pytest.fixture
def bob(chip):
    return chip.bob()


def change_secret(chip, secret):
    channel = chip.store.channels[CHANNEL.uuid]
    chip.store.channels[CHANNEL.uuid] = msgspec.structs.replace(channel, secret=secret)


def test_a_secret_that_was_changed_is_read_afresh_and_tried_at_once(chip, bob):
    bob.says(say("one"))
    change_secret(chip, "open")
    chip.gateway.take().fail("channel_refused")
    request = chip.gateway.take()
    assert (request.texts, request.channel.secret) == (["one"], "open")
    request.handle("uuid-1")
    assert chip.waiting(bob.chat) == []


def test_the_secret_before_is_tried_too_for_three_minutes_after_a_change(chip, bob):
    """Chip knows the new one already, and Courier does not."""
    change_secret(chip, "open")
    chip.later(FRESH_FOR)
    for minutes in (0, 2):
        chip.later(60 * minutes)
        bob.says(say(f"after {minutes}"))
        refused = chip.gateway.take()
        assert refused.channel.secret == "open"
        refused.fail("channel_refused")
        accepted = chip.gateway.take()
        assert accepted.channel.secret == "sesame"
        accepted.handle("uuid")
    chip.later(90)
    bob.says(say("too late"))
    chip.gateway.take().fail("channel_refused")
    assert chip.gateway.requests == []


def test_a_refusal_that_comes_when_the_claim_is_old_is_not_answered_with_another_secret(chip, bob):
    """Another process may take the chat over before Courier is done with a request that is late."""
    bob.says(say("one"))
    change_secret(chip, "open")
    refused = chip.gateway.take()
    chip.later(CLAIM_TRUSTED + 1)
    refused.fail("channel_refused")
    assert chip.gateway.requests == []
    chip.later(30)
    assert chip.gateway.take().channel.secret == "open"


@pytest.mark.parametrize("wait", [0.1, 60])
@pytest.mark.parametrize(("late", "sent"), [(-1, ["open"]), (1, [])])
def test_how_long_a_claim_is_trusted_has_nothing_to_do_with_when_a_refused_channel_is_asked_again(
    chip, bob, monkeypatch, wait, late, sent
):
    monkeypatch.setattr(channel_requests, "backoff", lambda _: wait)
    bob.says(say("one"))
    chip.gateway.take().fail("channel_refused")
    while not chip.gateway.requests:
        chip.later(0.25)
    refused = chip.gateway.take()
    change_secret(chip, "open")
    chip.later(CLAIM_TRUSTED + late)
    refused.fail("channel_refused")
    assert [request.channel.secret for request in chip.gateway.requests] == sent


def test_nothing_is_rejected_while_the_channel_is_refused_for_hours(chip, bob):
    chip.store.away = False
    bob.says(say("one", ref="c1"))
    bob.hears()
    for _ in range(200):
        for request in chip.gateway.requests:
            request.fail("channel_refused", "channel not found")
        chip.gateway.requests.clear()
        chip.later(30)
    assert bob.hears() == []
    chip.later(60)
    chip.gateway.take().handle("uuid-1")
    assert chip.waiting(bob.chat) == []


def test_nothing_is_rejected_while_the_channel_is_off(chip, bob):
    del chip.store.channels[CHANNEL.uuid]
    chip.later(FRESH_FOR)
    bob.says(say("one", ref="c1"))
    bob.hears()
    chip.later(2 * 3600, step=10)
    assert (bob.hears(), chip.gateway.requests) == ([], [])
    chip.store.channels[CHANNEL.uuid] = CHANNEL
    chip.later(60)
    assert chip.gateway.take().texts == ["one"]


def test_a_channel_that_is_gone_is_looked_for_ever_more_rarely_by_one_chat_and_named(chip):
    others = [chip.visitor() for _ in range(20)]
    for other in others:
        other.says({"type": "start_chat"})
    del chip.store.channels[CHANNEL.uuid]
    chip.later(FRESH_FOR)
    looked = chip.store.queries
    with capturedLogs() as log:
        for other in others:
            other.says(say("Hi"))
        chip.later(300)
    assert chip.store.queries - looked < 60
    told = [formatEvent(event) for event in log if event["log_level"].name != "debug"]
    assert set(told) == {
        "what waits for Courier on a channel cannot go: RapidPro has no such channel"
    }
    chip.store.channels[CHANNEL.uuid] = CHANNEL
    heard = 0
    for _ in range(70):
        chip.later(1)
        while chip.gateway.requests:
            heard += 1
            chip.gateway.requests.pop().handle("uuid")
    assert heard == 20


def test_of_many_chats_that_find_a_channel_gone_together_the_first_counts(chip, monkeypatch):
    counted = []
    monkeypatch.setattr(channel_requests, "backoff", lambda times: counted.append(times) or 60.0)
    others = [chip.visitor() for _ in range(5)]
    for other in others:
        other.says({"type": "start_chat"})
    look_up, asked = chip.store.channel, []

    async def looks_it_up(uuid):
        asked.append(Deferred())
        await asked[-1]
        return await look_up(uuid)

    chip.store.channel = looks_it_up
    del chip.store.channels[CHANNEL.uuid]
    chip.clock.advance(FRESH_FOR)
    for other in others:
        other.says(say("Hi"))
    (one_for_all,) = asked
    one_for_all.callback(None)
    assert counted == [0]


def test_a_refused_channel_is_asked_about_by_one_chat_in_a_while_and_no_other_suffers(chip, bob):
    others = [chip.visitor() for _ in range(20)]
    for other in others:
        other.says({"type": "start_chat"})
        other.says(say("Hi"))
    for request in chip.gateway.requests:
        request.fail("channel_refused")
    chip.gateway.requests.clear()
    asked = 0
    for _ in range(60):
        chip.later(1)
        asked += len(chip.gateway.requests)
        for request in chip.gateway.requests:
            request.fail("channel_refused")
        chip.gateway.requests.clear()
    assert 1 <= asked <= 20
    assert not chip.server.outbound.courier_is_away


def test_what_could_not_be_looked_up_afresh_stays(chip, bob):
    bob.says(say("one", ref="c1"))
    bob.hears()
    chip.store.away = True
    chip.gateway.take().fail("channel_refused")
    assert bob.hears() == []
    assert chip.waiting(bob.chat) == ["one"]


def test_a_channel_that_is_refused_and_taken_in_turn_has_a_line_a_minute(chip, bob, log):
    """So it is with two Couriers, of which one remembers the secret before."""
    for number in range(60):
        bob.says(say(f"{number}"))
        for request in chip.gateway.requests:
            request.fail("channel_refused", "secret incorrect")
        chip.gateway.requests.clear()
        chip.later(2)
        for request in chip.gateway.requests:
            request.handle(f"uuid-{number}")
        chip.gateway.requests.clear()
    refusals = log.about("Courier refuses a channel")
    assert 1 <= len(refusals) <= 3


def test_the_operator_is_told_which_channel_it_is_once_a_minute(chip, bob):
    bob.says(say("one"))
    with capturedLogs() as events:
        for _ in range(150):
            for request in chip.gateway.requests:
                request.fail("channel_refused", "secret incorrect")
            chip.gateway.requests.clear()
            chip.later(1)
    told = [event for event in events if event.get("channel") == CHANNEL.uuid]
    assert {formatEvent(event) for event in told} == {"Courier refuses a channel: secret incorrect"}
    assert 2 <= len(told) <= 3
