"""Messages from a Courier of a channel's own: when they are shown, and as what."""

from __future__ import annotations

from urllib.parse import urlencode

import msgspec
import pytest
from twisted.internet.defer import Deferred

from chip.chat.joiner import AGAIN_WITHIN, JOIN_WITHIN
from chip.errors import QueueFull, Unavailable
from chip.models import Channel, ChatKey, Report
from tests.support.commands import ack, say, start
from tests.support.courier.parts import split
from tests.support.memory_chip import MemoryChip, result_of
from tests.support.slow import Slow

EXTERNAL = "3e7e5a52-9b5e-4ee8-8f36-0b9cd2c1d9e2"
CHANNEL = Channel(
    "a5f3c2de-0000-8000-8000-000000000001",
    1,
    "Bearer s",
    EXTERNAL,
    courier="https://courier.example",
    max_length=160,
)
CHAT = ChatKey("azosmAPAXirc3Cmu3TwMY6Yr", CHANNEL.uuid)
MESSAGE = "01a2139e-c365-76c2-97fd-53bb20bc6da5"
OTHER = "01a2139e-c365-76c2-97fd-53bb20bc6da6"
LONG = " ".join(f"w{number:03}" for number in range(140))
PARTS = split(LONG, 160)


class Chip(MemoryChip):
    """A server with such a channel."""

    def __init__(self, **limits):
        super().__init__(**limits)
        self.store.channels[CHANNEL.uuid] = CHANNEL

    def courier_sends(self, *texts, id=MESSAGE, replies=()):
        for text in texts:
            fields = {"id": id, "to": CHAT.chat_id, "text": text, "channel": EXTERNAL}
            body = urlencode({**fields, "quick_reply": replies}, doseq=True).encode()
            result_of(self.server.inbound.accept_external("", CHANNEL.secret, body))

    def courier_is_sending(self, text):
        """What comes of it, in the end."""
        fields = {"id": MESSAGE, "to": CHAT.chat_id, "text": text, "channel": EXTERNAL}
        accept = self.server.inbound.accept_external
        return Deferred.fromCoroutine(accept("", CHANNEL.secret, urlencode(fields).encode()))

    def shown(self):
        chat = self.queues.chats.get(CHAT)
        items = chat.items if chat else []
        return [msgspec.json.decode(one.item.msg_out)["text"] for one in items]

    def is_started_again(self):
        self.server.stop_taking_up()
        self.server = self.process()


@pytest.fixture
def chip():
    return Chip()


def test_hundreds_of_parts_that_wait_for_their_turn_are_all_answered_when_the_archive_goes(chip):
    keep_part = chip.archive.keep_part
    slow = Slow(chip.archive, "keep_part")
    first = chip.courier_is_sending("Hi")
    chip.archive.keep_part = keep_part
    waiting = [chip.courier_is_sending(f"{number}") for number in range(300)]
    assert not any(one.called for one in waiting)
    chip.archive.away = True
    slow.answers()
    for one in (first, *waiting):
        assert isinstance(one.result.value, Unavailable)
        one.addErrback(lambda failure: None)
    chip.archive.away = False
    chip.courier_sends("Hello")
    assert chip.shown() == ["Hello"]


def test_what_ends_by_itself_is_shown_at_once(chip):
    chip.courier_sends("Hi")
    assert chip.shown() == ["Hi"]


def test_a_part_with_quick_replies_is_the_last_one(chip):
    chip.courier_sends("a" * 160, replies=["Yes", "No"])
    assert chip.shown() == ["a" * 160]


def test_parts_are_shown_as_one_message_as_soon_as_the_last_is_there(chip):
    assert len(PARTS) > 3
    chip.courier_sends(*PARTS[:-1])
    assert chip.shown() == []
    chip.courier_sends(PARTS[-1])
    assert chip.shown() == [LONG]


def test_a_part_that_another_could_follow_waits_a_moment_for_it(chip):
    chip.courier_sends("a" * 160)
    chip.later(JOIN_WITHIN - 0.25)
    assert chip.shown() == []
    chip.later(0.25)
    assert chip.shown() == ["a" * 160]


def test_a_part_that_comes_while_the_time_runs_out_is_waited_for(chip):
    chip.courier_sends("a" * 160)
    keep_part, stored = chip.archive.keep_part, Deferred()

    async def late(*args):
        await stored
        return await keep_part(*args)

    chip.archive.keep_part = late
    body = urlencode({"id": MESSAGE, "to": CHAT.chat_id, "text": "b" * 160, "channel": EXTERNAL})
    sending = chip.server.inbound.accept_external("", CHANNEL.secret, body.encode())
    answered = Deferred.fromCoroutine(sending)
    chip.later(JOIN_WITHIN)
    stored.callback(None)
    assert answered.called
    assert chip.shown() == []
    chip.later(JOIN_WITHIN)
    assert chip.shown() == ["a" * 160 + "b" * 160]


def test_each_part_is_waited_for_anew(chip):
    for _ in range(3):
        chip.courier_sends("a" * 160)
        chip.later(1.25)
    chip.later(0.25)
    assert chip.shown() == ["a" * 480]


def test_a_message_is_not_shown_before_one_whose_parts_are_still_coming(chip):
    chip.courier_sends("a" * 160)
    chip.later(0.5)
    chip.courier_sends("b", id=OTHER)
    assert chip.shown() == []
    chip.later(1.25)
    assert chip.shown() == ["a" * 160, "b"]


def test_a_repetition_from_the_first_part_on_adds_nothing(chip):
    for _ in range(3):
        chip.courier_sends(*PARTS)
        assert chip.shown() == [LONG]
        chip.later(300, step=1)


def test_parts_that_are_alike_are_told_from_repetitions(chip):
    for _ in range(2):
        chip.courier_sends(*["a" * 160] * 3, "a")
        assert chip.shown() == ["a" * 481]
        chip.later(300, step=1)


def test_what_is_sent_again_after_a_part_that_could_not_be_stored_is_one_message(chip):
    chip.courier_sends(*PARTS[:2])
    chip.archive.away = True
    with pytest.raises(Unavailable):
        chip.courier_sends(PARTS[2])
    chip.archive.away = False
    chip.later(300, step=1)
    assert chip.shown() == []
    chip.courier_sends(*PARTS)
    assert chip.shown() == [LONG]


def test_what_never_comes_again_is_shown_as_far_as_it_came(chip):
    chip.courier_sends(PARTS[0])
    chip.archive.away = True
    with pytest.raises(Unavailable):
        chip.courier_sends(PARTS[1])
    chip.archive.away = False
    chip.later(AGAIN_WITHIN - 1, step=1)
    assert chip.shown() == []
    chip.later(1)
    assert chip.shown() == [PARTS[0]]


def test_a_chip_that_is_started_between_the_parts_waits_for_their_repetition(chip):
    chip.courier_sends(*PARTS[:2])
    chip.is_started_again()
    chip.later(300, step=1)
    assert chip.shown() == []
    chip.courier_sends(*PARTS)
    assert chip.shown() == [LONG]


def test_a_chip_that_is_started_between_the_parts_takes_those_that_follow_at_once(chip):
    chip.courier_sends(*PARTS[:2])
    chip.is_started_again()
    chip.courier_sends(*PARTS[2:])
    assert chip.shown() == [LONG]


def test_a_whole_message_that_was_stored_and_not_shown_is_shown_at_the_next_start(chip):
    chip.queues.away = True
    with pytest.raises(Unavailable):
        chip.courier_sends("Hi")
    chip.queues.away = False
    chip.is_started_again()
    chip.clock.advance(0)
    assert chip.shown() == ["Hi"]


def test_what_cannot_be_shown_for_now_is_shown_later(chip):
    chip.courier_sends("a" * 160)
    chip.queues.away = True
    chip.later(JOIN_WITHIN)
    chip.queues.away = False
    chip.later(5)
    assert chip.shown() == ["a" * 160]


def test_what_follows_on_parts_that_were_shown_is_shown_behind_them(chip):
    chip.courier_sends(PARTS[0])
    chip.later(JOIN_WITHIN)
    chip.courier_sends(*PARTS)
    first, rest = chip.shown()
    assert f"{first} {rest}" == LONG


def test_a_full_outbox_says_so_and_gets_it_once(chip):
    chip = Chip(outbox_messages=1)
    chip.courier_sends("one", id=OTHER)
    with pytest.raises(QueueFull):
        chip.courier_sends("two")
    visitor = chip.visitor(channel=CHANNEL)
    visitor.says(start(CHAT.chat_id))
    visitor.says(ack(OTHER))
    chip.courier_sends("two")
    chip.later(10)
    assert chip.shown() == ["two"]


def test_the_contact_is_made_for_a_chat_that_is_not_known(chip):
    chip.courier_sends("Hi")
    visitor = chip.visitor(channel=CHANNEL)
    visitor.says(start(CHAT.chat_id))
    assert [event["type"] for event in visitor.hears()] == ["chat_resumed", "chat_out"]


# What is kept of what visitors do.


def test_what_courier_confirmed_is_kept_before_the_spool_lets_go_of_it(chip):
    visitor = chip.visitor(channel=CHANNEL)
    visitor.says(start())
    visitor.says(say("hello"))
    chip.archive.away = True
    chip.gateway.take().handle("uuid-1")
    assert chip.waiting(visitor.chat) == ["hello"]
    chip.archive.away = False
    chip.later(0.5)
    assert chip.waiting(visitor.chat) == []
    assert [row.shown.text for row in chip.store.messages] == ["hello"]
    assert (CHANNEL.org_id, visitor.chat_id) in chip.store.contacts


def test_a_report_that_courier_confirmed_is_kept(chip):
    chip.courier_sends("Hi")
    visitor = chip.visitor(channel=CHANNEL)
    visitor.says(start(CHAT.chat_id))
    visitor.says(ack(MESSAGE))
    chip.later(3)
    chip.gateway.take().handle()
    assert chip.archive.reports == [Report("delivered", None, MESSAGE)]
