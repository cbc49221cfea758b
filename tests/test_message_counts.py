"""Messages are counted by who sent them, by channel, and by what came of them."""

from __future__ import annotations

import pytest

from chip.errors import QueueFull
from chip.ops.metrics import Metrics
from chip.ops.metrics_channels import MOST_CHANNELS
from tests.support.commands import say
from tests.support.memory_chip import CHANNEL, MemoryChip


@pytest.fixture
def metrics():
    return Metrics()


def count(metrics, sender, outcome, channel=CHANNEL.uuid):
    labels = {"sender": sender, "channel": channel, "outcome": outcome}
    return metrics.registry.get_sample_value("chip_messages_total", labels) or 0


def test_what_a_visitor_says_is_queued_and_said_again_is_repeated(metrics):
    bob = MemoryChip(observer=metrics).bob()
    bob.says(say("hello", "one"), say("hello", "one"), say("bye", "two"))
    assert count(metrics, "visitor", "queued") == 2
    assert count(metrics, "visitor", "repeated") == 1
    assert count(metrics, "visitor", "rejected") == 0


def test_what_courier_refuses_is_rejected(metrics):
    chip = MemoryChip(observer=metrics)
    chip.bob().says(say("hello"))
    chip.gateway.take().fail("refused", "status 400 from Courier")
    assert count(metrics, "visitor", "rejected") == 1


def test_what_courier_hands_over_is_queued_repeated_or_finds_no_room(metrics):
    chip = MemoryChip(observer=metrics, outbox_messages=2)
    for msg_id in (10, 10, 11):
        chip.send(msg_id)
    with pytest.raises(QueueFull):
        chip.send(12)
    assert count(metrics, "courier", "queued") == 2
    assert count(metrics, "courier", "repeated") == 1
    assert count(metrics, "courier", "full") == 1


def test_a_message_that_waits_too_long_is_counted(metrics):
    chip = MemoryChip(observer=metrics, outbox_days=1)
    chip.send()
    assert metrics.registry.get_sample_value("chip_expired_total") == 0
    chip.later(86_400 + 3600, step=60)
    assert metrics.registry.get_sample_value("chip_expired_total") == 1


def test_however_many_channels_there_are_the_first_hundred_have_series(metrics):
    for number in range(2 * MOST_CHANNELS):
        for _ in range(2):
            metrics.message("visitor", f"channel {number}", "queued")
    assert count(metrics, "visitor", "queued", "channel 0") == 2
    assert count(metrics, "visitor", "queued", f"channel {MOST_CHANNELS - 1}") == 2
    assert count(metrics, "visitor", "queued", f"channel {MOST_CHANNELS}") == 0
    assert count(metrics, "visitor", "queued", "other") == 2 * MOST_CHANNELS


def refusals(metrics, channel=CHANNEL.uuid):
    labels = {"channel": channel}
    return metrics.registry.get_sample_value("chip_channel_refusals_total", labels) or 0


def test_a_channel_that_courier_refuses_is_counted_by_its_name(metrics):
    chip = MemoryChip(observer=metrics)
    chip.bob().says(say("hello"))
    chip.gateway.take().fail("channel_refused", "secret incorrect")
    assert refusals(metrics) == 1
    # Who waits for the next look at it was refused nothing.
    chip.bob().says(say("hello"))
    assert refusals(metrics) == 1
    assert count(metrics, "visitor", "rejected") == 0


def test_a_refused_channel_has_its_series_however_many_others_had_messages(metrics):
    for number in range(MOST_CHANNELS):
        metrics.message("visitor", f"channel {number}", "queued")
    for number in range(2 * MOST_CHANNELS):
        metrics.channel_refused(f"refused {number}")
    assert refusals(metrics, "refused 0") == refusals(metrics, f"refused {MOST_CHANNELS - 1}") == 1
    assert refusals(metrics, "other") == MOST_CHANNELS


def test_a_tab_that_is_told_to_resync_is_counted(metrics):
    chip = MemoryChip(observer=metrics, window_messages=2)
    slow, quick = chip.bob(), chip.bob()
    for msg_id in (10, 11, 12, 13):
        chip.send(msg_id)
    assert slow.is_shown() == [10, 11]
    for msg_id in (13, 12, 11, 10):
        quick.says({"type": "ack_chat", "msg_id": msg_id})
    told = [event["type"] for event in (*slow.hears(), *quick.hears())].count("resync")
    assert told > 0
    assert metrics.registry.get_sample_value("chip_resyncs_total") == told
