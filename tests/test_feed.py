"""What flows from an outbox to a connection: order, the window, and what was missed."""

from __future__ import annotations

import pytest

from chip.chat.ports import OutboxItem
from chip.chat.window import Window
from chip.errors import Unavailable
from chip.models import MsgName
from tests.support.memory_chip import MemoryChip
from tests.support.slow import Slow


def ack(msg_id):
    return {"type": "ack_chat", "msg_id": msg_id}


def kinds(visitor):
    return [
        event["msg_out"]["id"] if "msg_out" in event else event["type"] for event in visitor.hears()
    ]


@pytest.fixture
def chip():
    return MemoryChip()


def test_what_waits_is_sent_on_resume_before_anything_new(chip):
    for msg_id in (10, 11, 12):
        chip.send(msg_id)
    visitor = chip.bob_again()
    chip.send(13)
    assert kinds(visitor) == ["chat_resumed", 10, 11, 12, 13]


def test_everything_unacknowledged_comes_again_in_order(chip):
    visitor = chip.bob()
    for msg_id in (10, 11, 12):
        chip.send(msg_id)
    assert visitor.is_shown() == [10, 11, 12]
    visitor.says(ack(11))
    visitor.leaves()
    again = chip.bob_again()
    assert kinds(again) == ["chat_resumed", 10, 12]


def test_every_tab_in_every_process_gets_every_message(chip):
    here, there = chip.bob(), chip.bob()
    elsewhere = chip.bob(chip.process())
    chip.send(10)
    assert [tab.is_shown() for tab in (here, there, elsewhere)] == [[10]] * 3


def test_no_ack_is_needed_for_the_next_message_up_to_the_window(chip):
    chip = MemoryChip(window_messages=3)
    visitor = chip.bob()
    for msg_id in range(10, 16):
        chip.send(msg_id)
    assert visitor.is_shown() == [10, 11, 12]
    visitor.says(ack(10), ack(11))
    assert visitor.is_shown() == [13, 14]
    visitor.says(ack(12), ack(13), ack(14))
    assert visitor.is_shown() == [15]


def test_the_window_counts_bytes_too(chip):
    chip = MemoryChip(window_bytes=1000)
    visitor = chip.bob()
    for msg_id in (10, 11, 12):
        chip.send(msg_id, text="x" * 600)
    assert visitor.is_shown() == [10, 11]
    visitor.says(ack(10))
    assert visitor.is_shown() == [12]


def test_an_ack_in_one_tab_moves_the_windows_of_all(chip):
    chip = MemoryChip(window_messages=2)
    here, elsewhere = chip.bob(), chip.bob(chip.process())
    for msg_id in (10, 11, 12):
        chip.send(msg_id)
    assert [here.is_shown(), elsewhere.is_shown()] == [[10, 11], [10, 11]]
    here.says(ack(10))
    assert [here.is_shown(), elsewhere.is_shown()] == [[12], [12]]


def test_a_tab_that_missed_what_another_acknowledged_is_told_to_resync(chip):
    chip = MemoryChip(window_messages=2)
    slow, quick = chip.bob(), chip.bob()
    for msg_id in (10, 11, 12, 13):
        chip.send(msg_id)
    assert slow.is_shown() == [10, 11]
    # All but the first are gone before the slow tab's window has moved.
    for msg_id in (13, 12):
        quick.says(ack(msg_id))
    assert slow.hears() == []
    quick.says(ack(11), ack(10))
    assert kinds(slow) == ["resync"]


def test_after_an_interruption_what_was_missed_is_sent_and_nothing_twice(chip):
    visitor = chip.bob()
    chip.send(10)
    chip.queue.subscribed.clear()  # news gets lost
    chip.send(11)
    chip.send(12)
    assert visitor.is_shown() == [10]
    chip.queue.subscribed.add(visitor.chat)
    chip.queues.come_back()
    assert visitor.is_shown() == [11, 12]
    chip.queues.come_back()
    assert visitor.hears() == []


def test_after_an_interruption_acks_that_were_missed_make_room(chip):
    chip = MemoryChip(window_messages=2)
    visitor, elsewhere = chip.bob(), chip.bob(chip.process())
    chip.send(10)
    chip.send(11)
    chip.queue.subscribed.clear()
    elsewhere.says(ack(10), ack(11))
    visitor.hears()
    chip.queue.subscribed.add(visitor.chat)
    chip.queues.come_back()
    chip.send(12)
    chip.send(13)
    assert visitor.is_shown() == [12, 13]


def test_an_interruption_tells_of_messages_that_another_tab_has_had_all_to_itself(chip):
    visitor, elsewhere = chip.bob(), chip.bob(chip.process())
    chip.send(10)
    assert visitor.is_shown() == [10]
    chip.queue.subscribed.clear()
    chip.send(11)
    elsewhere.says(ack(11))
    chip.queue.subscribed.add(visitor.chat)
    chip.queues.come_back()
    assert kinds(visitor) == ["resync"]


def test_a_gap_in_the_numbers_is_filled_from_the_outbox(chip):
    visitor = chip.bob()
    chip.send(10)
    visitor.hears()
    chip.queue.subscribed.clear()
    chip.send(11)
    chip.queue.subscribed.add(visitor.chat)
    chip.send(12)
    assert visitor.is_shown() == [11, 12]


def test_while_the_queue_is_away_the_connection_stays_and_then_catches_up(chip):
    visitor = chip.bob()
    chip.send(10)
    visitor.hears()
    chip.queues.away = True
    chip.server.hub.interrupted()
    assert visitor.hears() == []
    chip.queues.come_back()
    chip.send(11)
    assert visitor.is_shown() == [11]


def test_a_chat_that_resumes_while_its_outbox_cannot_be_read_catches_up_with_the_next_news(chip):
    chip.send(10)
    read = chip.queue.outbox.read
    chip.queue.outbox.read = _unreadable
    visitor = chip.bob()
    chip.queue.outbox.read = read
    chip.send(11)
    assert visitor.is_shown() == [10, 11]


def test_a_tab_whose_first_reading_failed_is_told_of_what_another_acknowledged_meanwhile(chip):
    quick, read = chip.bob(), chip.queue.outbox.read
    chip.queue.outbox.read = _unreadable
    slow = chip.bob_again()
    chip.queue.outbox.read = read
    chip.queue.subscribed.clear()  # news gets lost
    chip.send(10)
    quick.says(ack(10))
    chip.queue.subscribed.add(slow.chat)
    chip.later(3)
    assert kinds(slow) == ["chat_resumed", "resync"]


def test_what_could_not_be_read_is_read_a_little_later_without_any_news(chip):
    chip.send(10)
    read = chip.queue.outbox.read
    chip.queue.outbox.read = _unreadable
    visitor, gone = chip.bob(), chip.bob()
    chip.later(10)
    timers = len(chip.clock.getDelayedCalls())
    chip.server.hub.interrupted()
    assert len(chip.clock.getDelayedCalls()) == timers
    gone.leaves()
    assert len(chip.clock.getDelayedCalls()) == timers - 1
    chip.queue.outbox.read = read
    chip.later(3)
    assert visitor.is_shown() == [10]
    assert chip.queue.reads == 1


def test_after_an_exception_while_reading_the_next_news_is_followed(chip, expected_failures):
    chip.send(10)
    read = chip.queue.outbox.read
    chip.queue.outbox.read = None
    visitor = chip.bob_again()
    expected_failures.take(TypeError)
    chip.queue.outbox.read = read
    chip.send(11)
    assert visitor.is_shown() == [10, 11]


async def _unreadable(*_):
    raise Unavailable("the queue is away")


def reads_slowly(chip):
    return Slow(chip.queue.outbox, "read", works_first=True)


def test_news_that_comes_while_the_outbox_is_read_is_not_forgotten(chip):
    slow = reads_slowly(chip)
    visitor = chip.bob_again()
    chip.send(10)
    slow.answers()
    slow.answers()
    assert kinds(visitor) == ["chat_resumed", 10]
    assert slow.waiting == []


def test_what_another_tab_acknowledges_while_the_outbox_is_read_for_the_first_time_is_told(chip):
    quick = chip.bob()
    slow = reads_slowly(chip)
    visitor = chip.bob_again()
    chip.send(10)
    quick.says(ack(10))
    slow.answers()
    slow.answers()
    assert kinds(visitor) == ["chat_resumed", "resync"]


def test_an_interruption_while_the_outbox_is_read_has_it_read_once_more_and_not_twice_at_once(
    chip,
):
    visitor = chip.bob()
    slow = reads_slowly(chip)
    chip.queues.come_back()
    chip.queues.come_back()
    assert len(slow.waiting) == 1
    slow.answers()
    slow.answers()
    assert slow.waiting == []
    chip.send(10)
    assert visitor.is_shown() == [10]


def test_an_outbox_is_read_no_further_for_somebody_who_has_left(chip):
    slow = reads_slowly(chip)
    visitor = chip.bob_again()
    chip.send(10)
    visitor.leaves()
    slow.answers()
    assert slow.waiting == []
    assert kinds(visitor) == ["chat_resumed"]


def test_what_does_not_fit_on_one_page_comes_with_the_next(chip):
    chip = MemoryChip(window_bytes=1000)
    chip.send(10, text="x" * 100)
    chip.send(11, text="x" * 900)
    visitor = chip.bob_again()
    assert kinds(visitor) == ["chat_resumed", 10, 11]


def test_a_message_larger_than_the_window_is_sent_all_the_same_and_alone(chip):
    chip = MemoryChip(window_bytes=1000)
    chip.send(10, text="x" * 5000)
    chip.send(11)
    visitor = chip.bob_again()
    assert kinds(visitor) == ["chat_resumed", 10]
    visitor.says(ack(10))
    assert visitor.is_shown() == [11]


def test_after_an_interruption_a_full_window_is_still_full(chip):
    chip = MemoryChip(window_bytes=1000)
    visitor = chip.bob()
    for msg_id in (10, 11, 12):
        chip.send(msg_id, text="x" * 600)
    assert visitor.is_shown() == [10, 11]
    chip.queues.come_back()
    assert visitor.hears() == []
    visitor.says(ack(10))
    assert visitor.is_shown() == [12]


def test_a_gap_is_noticed_by_somebody_who_found_nothing_waiting(chip):
    chip.send(10)
    first = chip.bob()
    first.says(ack(10))
    visitor = chip.bob()
    chip.queue.subscribed.clear()
    chip.send(11)
    chip.queue.subscribed.add(visitor.chat)
    chip.send(12)
    assert visitor.is_shown() == [11, 12]


# The window by itself


def item(number, uuid="", size=10):
    return OutboxItem(number, f"m{number}", b'{"id":%d,"uuid":"%s"}' % (number, uuid.encode()))


def test_a_window_knows_what_is_in_flight_by_either_name():
    window = Window(max_messages=2, max_bytes=1000)
    window.sends(item(10, uuid="0191e180"))
    assert window.has(MsgName(10))
    assert window.has(MsgName(None, "0191e180"))
    assert not window.has(MsgName(11))
    assert not window.has(MsgName(None, ""))


def test_what_no_browser_could_show_is_passed_over():
    window = Window(max_messages=2, max_bytes=1000)
    assert not window.sends(OutboxItem(10, "m10", b"[]"))
    assert (window.room, window.last) == (2, 10)


def test_an_ack_makes_room_once():
    window = Window(max_messages=2, max_bytes=1000)
    window.sends(item(10))
    assert window.room == 1
    assert window.acked(10)
    assert not window.acked(10)
    assert window.room == 2


def test_only_what_was_looked_for_and_not_found_leaves_the_window():
    window = Window(max_messages=9, max_bytes=1000)
    for number in (10, 11, 12, 13):
        window.sends(item(number))
    window.keep_only({12}, after=10, up_to=12)
    assert [n for n in (10, 11, 12, 13) if window.has(MsgName(n))] == [10, 12, 13]


def test_numbers_that_went_back_with_a_queue_that_lost_its_last_moments_are_followed(chip):
    visitor = chip.bob()
    chip.send(10)
    chip.send(11)
    visitor.says(ack(10))
    assert visitor.is_shown() == [10, 11]
    state = chip.queues.chats[visitor.chat]
    state.items, state.head = [], state.head - 1
    chip.queues.come_back()
    assert kinds(visitor) == ["resync"]
    chip.send(12)
    assert visitor.is_shown() == [12]


def test_an_ack_that_crosses_a_page_frees_its_place_in_the_window_all_the_same(chip):
    """Another tab acknowledges a message while this one reads the page that has it."""
    chip = MemoryChip(window_messages=2)
    here = chip.bob()
    chip.send(10)
    chip.send(11)
    slow = reads_slowly(chip)
    there = chip.bob_again()
    here.says(ack(10), ack(11))
    slow.answers()
    assert kinds(there) == ["chat_resumed", 10, 11]
    for msg_id in (12, 13):
        chip.send(msg_id)
    assert there.is_shown() == [12, 13]
