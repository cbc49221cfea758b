"""How much of what was said before anybody may have: by chat, by address, by network."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from twisted.internet.defer import Deferred

from chip.models import HistoryPage
from tests.support.memory_chip import BOB, CHANNEL, MemoryChip, Visitor

KIB = 1024
PAGE = {"type": "get_history", "before": "2024-05-01T12:00:00Z"}
# As many pages as one likes, so that bytes are what counts.
OFTEN = {"history_per_second": 1000, "history_burst": 1000, "commands_burst": 1000}


class Chip(MemoryChip):
    """A server on whose every page is one message of so many bytes."""

    def __init__(self, said_bytes: int, **limits: Any) -> None:
        super().__init__(**OFTEN | limits)
        self.said_bytes = said_bytes
        self.has_said_something(BOB.id)

    def has_said_something(self, contact_id: int) -> None:
        if self.said_bytes:
            self.store.said(contact_id, "x" * self.said_bytes, datetime(2024, 1, 1, tzinfo=UTC), "")


def bob_from(chip: Chip, address: str) -> Visitor:
    visitor = chip.visitor(address=address)
    visitor.says({"type": "start_chat", "chat_id": BOB.chat_id})
    visitor.hears()
    return visitor


def stranger_from(chip: Chip, address: str) -> Visitor:
    """Somebody in a new chat of his own."""
    visitor = chip.visitor(address=address)
    visitor.says({"type": "start_chat"})
    assert visitor.hears_one()["type"] == "chat_started"
    chip.has_said_something(chip.store.contacts[1, visitor.chat_id].id)
    return visitor


def reads(visitor: Visitor, times: int = 1) -> int:
    """How many of so many pages he is given."""
    visitor.says(*[PAGE] * times)
    answers = visitor.hears()
    refused = [answer for answer in answers if answer["type"] == "error"]
    assert {answer["code"] for answer in refused} <= {"rate_limited"}
    return len(answers) - len(refused)


def test_a_chat_has_so_many_bytes_of_history_however_many_tabs_it_has():
    chip = Chip(10 * KIB, history_bytes_burst=100 * KIB, history_bytes_per_second=10 * KIB)
    tabs = [bob_from(chip, f"203.0.113.{number}") for number in range(3)]
    assert sum(reads(tab, 5) for tab in tabs) == 9
    tabs[0].says(PAGE)
    refused = tabs[0].hears_one()
    assert (refused["code"], refused["command"]) == ("rate_limited", "get_history")
    chip.clock.advance(refused["retry_after"])
    assert reads(tabs[0]) == 1


def test_a_chat_that_asks_for_too_much_takes_nothing_from_others_of_its_address():
    chip = Chip(10 * KIB, history_bytes_burst=12 * KIB, address_history_bytes_burst=48 * KIB)
    busy, other = (stranger_from(chip, "203.0.113.9") for _ in range(2))
    assert reads(busy, 50) == 1
    assert reads(other) == 1


def test_an_address_has_so_many_bytes_however_many_chats_it_has():
    chip = Chip(10 * KIB, address_history_bytes_burst=100 * KIB)
    chats = [stranger_from(chip, "203.0.113.9") for _ in range(10)]
    assert sum(reads(chat, 2) for chat in chats) == 9
    assert reads(bob_from(chip, "203.0.113.10")) == 1
    assert reads(bob_from(chip, ""), 5) == 5  # nobody knows how many stand behind that


def test_a_network_has_so_many_bytes_however_many_addresses_it_has():
    chip = Chip(10 * KIB, address_history_bytes_burst=20 * KIB)
    visitors = [stranger_from(chip, f"2001:db8:0:{number:x}::/64") for number in range(40)]
    assert sum(map(reads, visitors)) == 19
    assert reads(stranger_from(chip, "2001:db8:1::/64")) == 1


def test_only_what_was_sent_counts():
    chip = Chip(3 * KIB, history_bytes_burst=30 * KIB, history_bytes_per_second=1)
    bob = bob_from(chip, "203.0.113.9")
    chip.store.away = True
    for _ in range(3):
        bob.says(PAGE)
        assert bob.hears_one()["code"] == "unavailable"
    chip.store.away = False
    # Three questions of 2 KiB each, then pages of 3, as long as there is room for a large one.
    assert reads(bob, 20) == 4


def test_a_page_that_is_larger_than_it_may_be_counts_in_full():
    chip = Chip(50 * KIB, history_bytes_burst=70 * KIB, history_bytes_per_second=10 * KIB)
    bob = bob_from(chip, "203.0.113.9")
    assert reads(bob, 3) == 2
    chip.clock.advance(4)
    assert reads(bob) == 0
    chip.clock.advance(1)
    assert reads(bob) == 1


def test_an_empty_page_costs_something_too():
    chip = Chip(0, history_bytes_burst=20 * KIB, history_bytes_per_second=1)
    assert reads(bob_from(chip, "203.0.113.9"), 50) == 5


def test_many_who_ask_at_once_get_no_more_than_one_after_the_other():
    chip = Chip(10 * KIB, address_history_bytes_burst=100 * KIB)
    chats = [stranger_from(chip, "203.0.113.9") for _ in range(20)]
    waiting = []

    async def slow(contact, before, max_bytes):
        waiting.append(max_bytes)
        await Deferred()

    chip.store.history = slow
    for chat in chats:
        chat.says(PAGE)
    assert waiting == [12 * KIB] * 8


def test_a_page_says_whether_there_is_more():
    chip = Chip(0)

    async def history(contact, before, max_bytes):
        return HistoryPage(b"[]", more=before.year > 2023)

    chip.store.history = history
    bob = bob_from(chip, "203.0.113.9")
    bob.says(PAGE, {"type": "get_history", "before": "2023-05-01T12:00:00Z"})
    assert bob.hears() == [
        {"type": "history", "history": [], "more": True},
        {"type": "history", "history": []},
    ]


def test_a_chat_that_was_moved_to_another_contact_shows_that_contacts_history():
    """RapidPro merges contacts; the one that the session remembers is there no more."""
    chip = Chip(0)
    bob = bob_from(chip, "203.0.113.9")
    merged = msgspec.structs.replace(BOB, id=BOB.id + 1)
    chip.store.contacts[CHANNEL.org_id, BOB.chat_id] = merged
    chip.store.said(merged.id, "Hi from the other", datetime(2024, 1, 1, tzinfo=UTC), "")
    bob.says(PAGE, PAGE)
    for page in bob.hears():
        assert [entry["msg_in"]["text"] for entry in page["history"]] == ["Hi from the other"]


@pytest.mark.parametrize("burst", ["history_bytes_burst", "address_history_bytes_burst"])
def test_a_burst_smaller_than_a_page_still_lets_a_page_through(burst):
    chip = Chip(10 * KIB, **{burst: 1})
    assert reads(bob_from(chip, "203.0.113.9"), 2) == 1
