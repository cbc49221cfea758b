"""At level debug, a line for each hop of a message; off, nothing."""

from __future__ import annotations

import re

import pytest
from twisted.logger import globalLogPublisher

from chip.chat.hops import HOPS
from chip.logs.log_observer import Record, as_text, origin
from chip.logs.redact import Redactor
from chip.models import ChatKey
from tests.support.memory_chip import BOB, CHANNEL, MemoryChip

CHAT = ChatKey(BOB.chat_id, CHANNEL.uuid)
UUID = "0191e180-7d60-7000-aded-7d8b151cbd5b"


@pytest.fixture
def lines():
    """What the log would hold at level debug."""
    written: list[str] = []

    def write(event):
        level, name = origin(event)
        written.append(as_text(Record(event, level, name, Redactor())))

    globalLogPublisher.addObserver(write)
    yield written
    globalLogPublisher.removeObserver(write)


@pytest.fixture
def wanted():
    HOPS.wanted = True
    yield
    HOPS.wanted = False


def hops(lines: list[str], short_id: str) -> list[str]:
    """The hops of a message, from the hop's name on."""
    told = [line.partition("hop: ")[2] for line in lines if "hop: " in line]
    return [hop for hop in told if re.search(rf"messages=\S*\b{short_id}\b", hop)]


def tell_both_ways() -> None:
    """A visitor says something, and Courier hands over a message, which is acknowledged."""
    chip = MemoryChip()
    bob = chip.bob_again()
    bob.says({"type": "send_msg", "text": "something private", "ref": "c1"})
    chip.gateway.take().handle("uuid-1")
    chip.knows_message(10, UUID, "2024-05-01T17:15:30Z")
    chip.send(10, "something secret")
    bob.says({"type": "ack_chat", "msg_id": 10})
    chip.later(3)
    chip.gateway.take().handle()


def test_what_a_visitor_says_is_followed_by_its_ref(lines, wanted):
    tell_both_ways()
    at = f"chat={CHAT.label} messages=c1"
    assert hops(lines, "c1") == [
        f"taken {at}",
        f"stored {at} said=queued",
        f"claimed {at}",
        f"posted {at}",
        f'answered {at} said="handled status 200"',
    ]


def test_a_message_of_couriers_is_followed_to_its_report_by_its_id(lines, wanted):
    tell_both_ways()
    found = [line.split()[0] for line in hops(lines, "10")]
    assert found == [
        # It may be heard of before the answer to whoever has stored it.
        *("received", "published", "shown", "stored", "acknowledged"),
        *("claimed", "posted", "answered"),
    ]
    assert f"stored chat={CHAT.label} messages=10/{UUID} said=queued" in hops(lines, UUID)


def test_no_line_holds_a_text_or_a_whole_chat_id(lines, wanted):
    tell_both_ways()
    log = "\n".join(lines)
    assert "hop: " in log
    for private in ("something private", "something secret", BOB.chat_id, CHANNEL.secret):
        assert private not in log


def test_nothing_is_written_unless_it_is_wanted(lines):
    tell_both_ways()
    assert [line for line in lines if "hop: " in line] == []


def test_a_hop_that_nobody_wants_is_not_even_put_into_words(wanted):
    class Unnamed:
        """Whoever asks for its name is doing work."""

        def __getattr__(self, name):
            raise AssertionError(name)

    with pytest.raises(AssertionError):
        HOPS.tell("stored", CHAT, (Unnamed(),))
    HOPS.wanted = False
    HOPS.tell("stored", Unnamed(), (Unnamed(),))
