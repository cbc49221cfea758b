"""What flows from an outbox to a connection: order, the window, and what was missed."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from chip.chat.ports import OutboxItem
from chip.chat.window import Window
from chip.errors import Unavailable
from chip.models import MsgName
from tests.support.scene import Scene


def ack(msg_id):
    return {"type": "ack_chat", "msg_id": msg_id}


def kinds(visitor):
    return [
        event["msg_out"]["id"] if "msg_out" in event else event["type"] for event in visitor.hears()
    ]


@pytest.fixture
def scene():
    return Scene()


def test_what_waits_is_sent_on_resume_before_anything_new(scene):
    for msg_id in (10, 11, 12):
        scene.send(msg_id)
    visitor = scene.bob_again()
    scene.send(13)
    assert kinds(visitor) == ["chat_resumed", 10, 11, 12, 13]


def test_everything_unacknowledged_comes_again_in_order(scene):
    visitor = scene.bob()
    for msg_id in (10, 11, 12):
        scene.send(msg_id)
    assert visitor.is_shown() == [10, 11, 12]
    visitor.says(ack(11))
    visitor.leaves()
    again = scene.bob_again()
    assert kinds(again) == ["chat_resumed", 10, 12]


def test_every_tab_in_every_process_gets_every_message(scene):
    here, there = scene.bob(), scene.bob()
    elsewhere = scene.bob(scene.process())
    scene.send(10)
    assert [tab.is_shown() for tab in (here, there, elsewhere)] == [[10]] * 3


def test_no_ack_is_needed_for_the_next_message_up_to_the_window(scene):
    scene = Scene(window_messages=3)
    visitor = scene.bob()
    for msg_id in range(10, 16):
        scene.send(msg_id)
    assert visitor.is_shown() == [10, 11, 12]
    visitor.says(ack(10), ack(11))
    assert visitor.is_shown() == [13, 14]
    visitor.says(ack(12), ack(13), ack(14))
    assert visitor.is_shown() == [15]


def test_the_window_counts_bytes_too(scene):
    scene = Scene(window_bytes=1000)
    visitor = scene.bob()
    for msg_id in (10, 11, 12):
        scene.send(msg_id, text="x" * 600)
    assert visitor.is_shown() == [10, 11]
    visitor.says(ack(10))
    assert visitor.is_shown() == [12]


def test_an_ack_in_one_tab_moves_the_windows_of_all(scene):
    scene = Scene(window_messages=2)
    here, elsewhere = scene.bob(), scene.bob(scene.process())
    for msg_id in (10, 11, 12):
        scene.send(msg_id)
    assert [here.is_shown(), elsewhere.is_shown()] == [[10, 11], [10, 11]]
    here.says(ack(10))
    assert [here.is_shown(), elsewhere.is_shown()] == [[12], [12]]


def test_a_tab_that_missed_what_another_acknowledged_is_told_to_resync(scene):
    scene = Scene(window_messages=2)
    slow, quick = scene.bob(), scene.bob()
    for msg_id in (10, 11, 12, 13):
        scene.send(msg_id)
    assert slow.is_shown() == [10, 11]
    # All but the first are gone before the slow tab's window has moved.
    for msg_id in (13, 12):
        quick.says(ack(msg_id))
    assert slow.hears() == []
    quick.says(ack(11), ack(10))
    assert kinds(slow) == ["resync"]


def test_after_an_interruption_what_was_missed_is_sent_and_nothing_twice(scene):
    visitor = scene.bob()
    scene.send(10)
    scene.queue.subscribed.clear()  # news gets lost
    scene.send(11)
    scene.send(12)
    assert visitor.is_shown() == [10]
    scene.queue.subscribed.add(visitor.chat)
    scene.queues.come_back()
    assert visitor.is_shown() == [11, 12]
    scene.queues.come_back()
    assert visitor.hears() == []


def test_after_an_interruption_acks_that_were_missed_make_room(scene):
    scene = Scene(window_messages=2)
    visitor, elsewhere = scene.bob(), scene.bob(scene.process())
    scene.send(10)
    scene.send(11)
    scene.queue.subscribed.clear()
    elsewhere.says(ack(10), ack(11))
    visitor.hears()
    scene.queue.subscribed.add(visitor.chat)
    scene.queues.come_back()
    scene.send(12)
    scene.send(13)
    assert visitor.is_shown() == [12, 13]


def test_an_interruption_tells_of_messages_that_another_tab_has_had_all_to_itself(scene):
    visitor, elsewhere = scene.bob(), scene.bob(scene.process())
    scene.send(10)
    assert visitor.is_shown() == [10]
    scene.queue.subscribed.clear()
    scene.send(11)
    elsewhere.says(ack(11))
    scene.queue.subscribed.add(visitor.chat)
    scene.queues.come_back()
    assert kinds(visitor) == ["resync"]


def test_a_gap_in_the_numbers_is_filled_from_the_outbox(scene):
    visitor = scene.bob()
    scene.send(10)
    visitor.hears()
    scene.queue.subscribed.clear()
    scene.send(11)
    scene.queue.subscribed.add(visitor.chat)
    scene.send(12)
    assert visitor.is_shown() == [11, 12]


def test_while_the_queue_is_away_the_connection_stays_and_then_catches_up(scene):
    visitor = scene.bob()
    scene.send(10)
    visitor.hears()
    scene.queues.away = True
    scene.heart.hub.interrupted()
    assert visitor.hears() == []
    scene.queues.come_back()
    scene.send(11)
    assert visitor.is_shown() == [11]


def test_a_chat_that_resumes_while_its_outbox_cannot_be_read_catches_up_with_the_next_news(scene):
    scene.send(10)
    read = scene.queue.outbox.read
    scene.queue.outbox.read = _unreadable
    visitor = scene.bob()
    scene.queue.outbox.read = read
    scene.send(11)
    assert visitor.is_shown() == [10, 11]


def test_what_could_not_be_read_is_read_a_little_later_without_any_news(scene):
    scene.send(10)
    read = scene.queue.outbox.read
    scene.queue.outbox.read = _unreadable
    visitor, gone = scene.bob(), scene.bob()
    scene.later(10)
    timers = len(scene.clock.getDelayedCalls())
    scene.heart.hub.interrupted()
    assert len(scene.clock.getDelayedCalls()) == timers
    gone.leaves()
    assert len(scene.clock.getDelayedCalls()) == timers - 1
    scene.queue.outbox.read = read
    scene.later(3)
    assert visitor.is_shown() == [10]
    assert scene.queue.reads == 1


def test_after_an_exception_while_reading_the_next_news_is_followed(scene, expected_failures):
    scene.send(10)
    read = scene.queue.outbox.read
    scene.queue.outbox.read = None
    visitor = scene.bob_again()
    expected_failures.take(TypeError)
    scene.queue.outbox.read = read
    scene.send(11)
    assert visitor.is_shown() == [10, 11]


async def _unreadable(*_):
    raise Unavailable("the queue is away")


class _Slow:
    """An outbox that is read when the test says so."""

    def __init__(self, scene):
        self._read, self.asked = scene.queue.outbox.read, []
        scene.queue.outbox.read = self.read

    async def read(self, *args):
        page = await self._read(*args)
        self.asked.append(Deferred())
        await self.asked[-1]
        return page

    def answers(self):
        self.asked.pop().callback(None)


def test_news_that_comes_while_the_outbox_is_read_is_not_forgotten(scene):
    slow = _Slow(scene)
    visitor = scene.bob_again()
    scene.send(10)
    slow.answers()
    slow.answers()
    assert kinds(visitor) == ["chat_resumed", 10]
    assert slow.asked == []


def test_an_interruption_while_the_outbox_is_read_has_it_read_once_more_and_not_twice_at_once(
    scene,
):
    visitor = scene.bob()
    slow = _Slow(scene)
    scene.queues.come_back()
    scene.queues.come_back()
    assert len(slow.asked) == 1
    slow.answers()
    slow.answers()
    assert slow.asked == []
    scene.send(10)
    assert visitor.is_shown() == [10]


def test_an_outbox_is_read_no_further_for_somebody_who_has_left(scene):
    slow = _Slow(scene)
    visitor = scene.bob_again()
    scene.send(10)
    visitor.leaves()
    slow.answers()
    assert slow.asked == []
    assert kinds(visitor) == ["chat_resumed"]


def test_what_does_not_fit_on_one_page_comes_with_the_next(scene):
    scene = Scene(window_bytes=1000)
    scene.send(10, text="x" * 100)
    scene.send(11, text="x" * 900)
    visitor = scene.bob_again()
    assert kinds(visitor) == ["chat_resumed", 10, 11]


def test_a_message_larger_than_the_window_is_sent_all_the_same_and_alone(scene):
    scene = Scene(window_bytes=1000)
    scene.send(10, text="x" * 5000)
    scene.send(11)
    visitor = scene.bob_again()
    assert kinds(visitor) == ["chat_resumed", 10]
    visitor.says(ack(10))
    assert visitor.is_shown() == [11]


def test_after_an_interruption_a_full_window_is_still_full(scene):
    scene = Scene(window_bytes=1000)
    visitor = scene.bob()
    for msg_id in (10, 11, 12):
        scene.send(msg_id, text="x" * 600)
    assert visitor.is_shown() == [10, 11]
    scene.queues.come_back()
    assert visitor.hears() == []
    visitor.says(ack(10))
    assert visitor.is_shown() == [12]


def test_a_gap_is_noticed_by_somebody_who_found_nothing_waiting(scene):
    scene.send(10)
    first = scene.bob()
    first.says(ack(10))
    visitor = scene.bob()
    scene.queue.subscribed.clear()
    scene.send(11)
    scene.queue.subscribed.add(visitor.chat)
    scene.send(12)
    assert visitor.is_shown() == [11, 12]


# The window by itself


def item(number, uuid="", size=10):
    return OutboxItem(number, f"m{number}", b'{"id":%d,"uuid":"%s"}' % (number, uuid.encode()))


def test_a_window_knows_what_is_in_flight_by_either_name():
    window = Window(max_messages=2, max_bytes=1000)
    window.sent(item(10, uuid="0191e180"))
    assert window.has(MsgName(10))
    assert window.has(MsgName(None, "0191e180"))
    assert not window.has(MsgName(11))
    assert not window.has(MsgName(None, ""))


def test_an_ack_makes_room_once():
    window = Window(max_messages=2, max_bytes=1000)
    window.sent(item(10))
    assert window.room == 1
    assert window.acked(10)
    assert not window.acked(10)
    assert window.room == 2


def test_only_what_was_looked_for_and_not_found_leaves_the_window():
    window = Window(max_messages=9, max_bytes=1000)
    for number in (10, 11, 12, 13):
        window.sent(item(number))
    window.keep_only({12}, after=10, up_to=12)
    assert [n for n in (10, 11, 12, 13) if window.has(MsgName(n))] == [10, 12, 13]


def test_numbers_that_went_back_with_a_queue_that_lost_its_last_moments_are_followed(scene):
    visitor = scene.bob()
    scene.send(10)
    scene.send(11)
    visitor.says(ack(10))
    assert visitor.is_shown() == [10, 11]
    state = scene.queues.chats[visitor.chat]
    state.items, state.head = [], state.head - 1
    scene.queues.come_back()
    assert kinds(visitor) == ["resync"]
    scene.send(12)
    assert visitor.is_shown() == [12]


def test_an_ack_that_crosses_a_page_frees_its_place_in_the_window_all_the_same(scene):
    """Another tab acknowledges a message while this one reads the page that has it."""
    scene = Scene(window_messages=2)
    here = scene.bob()
    scene.send(10)
    scene.send(11)
    slow = _Slow(scene)
    there = scene.bob_again()
    here.says(ack(10), ack(11))
    slow.answers()
    assert kinds(there) == ["chat_resumed", 10, 11]
    for msg_id in (12, 13):
        scene.send(msg_id)
    assert there.is_shown() == [12, 13]
