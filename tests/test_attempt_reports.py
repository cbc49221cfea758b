"""Reports and words in one chat: neither holds up the other, nor lets it go too soon."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from twisted.internet.defer import Deferred

from chip.chat.outbound.report_names import ReportNames
from chip.models import Report
from tests.support.commands import ack, say
from tests.support.memory_chip import CHANNEL, MemoryChip, result_of


@pytest.fixture
def chip():
    return MemoryChip()


@pytest.fixture
def bob(chip):
    """He was sent a message a while ago."""
    bob = chip.bob()
    chip.send(10)
    chip.later(10)
    return bob


def next_request(chip):
    """The next request to Courier, and how many seconds it took to come."""
    waited = 0.0
    while not chip.gateway.requests and waited < 60:
        chip.later(0.25)
        waited += 0.25
    return chip.gateway.take(), waited


def a_report_in_front(chip, bob, *, after=0.0):
    """Courier has had "yes", and so many seconds later there is a report, whose attempt counts
    for nothing."""
    bob.says(say("yes"))
    chip.gateway.take().handle("uuid-1")
    chip.later(after)
    bob.says(ack(10))
    chip.later(1)
    chip.gateway.take().fail("channel_refused", "secret incorrect")


# The same text twice, with a report between


def test_a_report_in_front_does_not_take_a_repeated_text_along_too_soon(chip, bob):
    a_report_in_front(chip, bob)
    bob.says(say("yes"))
    report, waited = next_request(chip)
    assert (report.texts, len(report.reports)) == ([], 1)
    report.handle()
    again, more = next_request(chip)
    assert again.texts == ["yes"]
    assert waited + more > 2.5


def test_it_takes_other_texts_along_and_the_first_ones_again_behind_them(chip, bob):
    a_report_in_front(chip, bob)
    bob.says(say("no"), say("yes"))
    request, _ = next_request(chip)
    assert (len(request.reports), request.texts) == (1, ["no", "yes"])


def test_and_the_text_itself_once_courier_has_forgotten_it(chip, bob):
    a_report_in_front(chip, bob, after=5)
    bob.says(say("yes"))
    request, _ = next_request(chip)
    assert (len(request.reports), request.texts) == (1, ["yes"])


# Reports of which nobody knows whether they arrived


def test_a_report_without_an_answer_is_made_again_and_holds_up_no_words(chip, bob):
    bob.says(ack(10))
    chip.later(2)
    chip.gateway.take().fail("unknown")
    bob.says(say("help"))
    report, waited = next_request(chip)
    assert report.events == [Report("delivered", 10)]
    assert waited < 2
    report.handle()
    assert chip.gateway.take().texts == ["help"]


def test_words_that_went_with_a_report_are_still_looked_for_first(chip, bob):
    bob.says(ack(10))
    chip.later(1)
    chip.gateway.take().fail("channel_refused", "secret incorrect")
    bob.says(say("help"))
    request, _ = next_request(chip)
    assert (len(request.reports), request.texts) == (1, ["help"])
    chip.courier_has("help")
    request.fail("unknown")
    chip.later(29)
    assert chip.gateway.requests == []
    chip.later(6)
    assert chip.gateway.requests == []
    assert chip.waiting(bob.chat) == []


# The names of messages

UUID = "0191e180-7d60-7000-aded-7d8b151cbd5b"


def test_a_report_on_a_message_that_came_by_one_name_has_both_from_its_row(chip, bob):
    """Courier may have been upgraded since, and take the other one only."""
    chip.knows_message(10, UUID, "2024-05-01T12:00:00Z")
    bob.says(ack(10))
    report, _ = next_request(chip)
    assert report.reports == [Report("delivered", 10, UUID)]


@pytest.mark.parametrize("trouble", ["no row", "away", "hangs"])
def test_where_its_row_cannot_be_read_it_has_the_name_by_which_it_came(chip, bob, trouble):
    if trouble != "no row":
        chip.knows_message(10, UUID, "2024-05-01T12:00:00Z")
    chip.store.away = trouble == "away"
    if trouble == "hangs":
        chip.store.message = lambda *_: Deferred()
    bob.says(ack(10))
    report, waited = next_request(chip)
    assert report.reports == [Report("delivered", 10)]
    assert waited < 5


def test_nothing_is_looked_up_for_a_courier_whose_database_is_not_seen(chip, bob):
    reports = [Report("delivered", 10)]
    elsewhere = replace(CHANNEL, courier="https://courier.example")
    names, before = ReportNames(chip.store, chip.server.lookups, chip.clock), chip.store.queries
    assert result_of(names.completed(elsewhere, bob.chat, reports)) is reports
    assert chip.store.queries == before
