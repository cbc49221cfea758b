"""How a chat starts or is resumed, and why it may not."""

from __future__ import annotations

import msgspec
import pytest
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs, formatEvent

from chip.chat.outbound.circuit import ROOM_WITHIN
from tests.support.commands import start
from tests.support.memory_chip import BOB, CHANNEL, MemoryChip
from tests.support.memory_store import MemoryStore


@pytest.fixture
def chip():
    return MemoryChip()


@pytest.mark.parametrize("given", [None, "", "unknown0000000000000000", "bad id", "x" * 5000])
def test_a_visitor_without_a_known_chat_gets_a_new_one(chip, given):
    visitor = chip.visitor()
    visitor.says(start(given))
    event = visitor.hears_one()
    assert event == {"type": "chat_started", "chat_id": chip.gateway.starts[0]}
    assert event["chat_id"] != given
    assert len(event["chat_id"]) == 24
    assert event["chat_id"].isalnum()


def test_a_null_chat_id_means_none(chip):
    visitor = chip.visitor()
    visitor.says(b'{"type":"start_chat","chat_id":null}')
    assert visitor.hears_one()["type"] == "chat_started"


def test_a_known_chat_is_resumed_and_tells_the_email(chip):
    visitor = chip.visitor()
    visitor.says(start(BOB.chat_id))
    assert visitor.hears_one() == {"type": "chat_resumed", "chat_id": BOB.chat_id, "email": ""}
    visitor.says({"type": "set_email", "email": "bob@example.com"})
    assert visitor.hears() == []
    again = chip.visitor()
    again.says(start(BOB.chat_id))
    assert again.hears_one()["email"] == "bob@example.com"


def test_an_email_that_courier_has_wiped_is_told_all_the_same(chip):
    chip.bob().says({"type": "set_email", "email": "bob@example.com"})
    chip.store.contacts[1, BOB.chat_id] = BOB  # wiped
    assert chip.bob_again().hears_one()["email"] == "bob@example.com"


def test_an_email_is_told_as_the_database_has_it_now(chip):
    chip.bob()
    chip.store.contacts[1, BOB.chat_id] = msgspec.structs.replace(BOB, email="robert@example.com")
    assert chip.bob_again().hears_one()["email"] == "robert@example.com"


def test_a_new_contact_may_take_a_while_to_be_readable(chip):
    courier_writes = writes_late(chip)
    visitor = chip.visitor()
    visitor.says(start())
    chip.later(1)
    assert visitor.hears() == []
    courier_writes()
    chip.later(2)
    assert visitor.hears_one()["type"] == "chat_started"


def test_a_contact_that_was_too_late_to_be_read_is_not_made_again(chip):
    courier_writes = writes_late(chip)
    visitor = chip.visitor()
    visitor.says(start())
    chip.later(9)
    assert visitor.hears_one()["code"] == "unavailable"
    courier_writes()
    visitor.says(start())
    assert visitor.hears_one()["type"] == "chat_started"
    assert len(chip.gateway.starts) == 1


def writes_late(chip):
    """Courier's new contacts cannot be read until what this returns is called."""
    contacts, chip.gateway.store = chip.store.contacts, MemoryStore()
    return lambda: contacts.update(chip.gateway.store.contacts)


def test_who_leaves_while_his_chat_is_opened_leaves_nothing_behind(chip):
    opened, subscribe = Deferred(), chip.queue.live.subscribe

    async def slow(chat):
        await opened
        await subscribe(chat)

    chip.queue.live.subscribe = slow
    visitor = chip.bob_again()
    visitor.leaves()
    opened.callback(None)
    assert visitor.hears() == []
    assert (chip.server.hub.open_chats, chip.queue.subscribed) == (0, set())


def test_a_second_start_on_the_same_connection_changes_nothing(chip):
    visitor = chip.bob()
    visitor.says(start())
    assert visitor.hears_one()["code"] == "chat_already_started"
    assert visitor.chat_id == BOB.chat_id
    assert chip.gateway.starts == []


def test_a_start_that_fails_is_tried_again_with_the_same_id(chip):
    chip.gateway.starts_fail = True
    visitor = chip.visitor()
    visitor.says(start())
    error = visitor.hears_one()
    assert (error["code"], error["command"]) == ("unavailable", "start_chat")
    assert error["retry_after"] > 0
    chip.gateway.starts_fail = False
    visitor.says(start())
    assert visitor.hears_one()["type"] == "chat_started"
    first, second = chip.gateway.starts
    assert first == second == visitor.chat_id


def test_a_known_chat_is_not_replaced_by_a_new_one_while_the_database_is_away(chip):
    chip.store.away = True
    visitor = chip.visitor()
    visitor.says(start(BOB.chat_id))
    assert visitor.hears_one()["code"] == "unavailable"
    assert chip.gateway.starts == []


def test_a_chat_that_was_open_lately_is_resumed_without_the_database(chip):
    chip.bob().leaves()
    chip.store.away = True
    visitor = chip.visitor()
    visitor.says(start(BOB.chat_id))
    assert visitor.hears_one()["type"] == "chat_resumed"


def test_one_address_makes_only_so_many_new_chats(chip):
    chip = MemoryChip(new_chats_per_minute=1, new_chats_burst=2)
    answers = []
    for _ in range(3):
        visitor = chip.visitor()
        visitor.says(start())
        answers.append(visitor.hears_one())
    assert [answer["type"] for answer in answers] == ["chat_started", "chat_started", "error"]
    assert (answers[2]["code"], answers[2]["retry_after"]) == ("rate_limited", 60)
    elsewhere = chip.visitor(address="198.51.100.1")
    elsewhere.says(start())
    assert elsewhere.hears_one()["type"] == "chat_started"
    exempt = chip.visitor(address="")
    exempt.says(start())
    assert exempt.hears_one()["type"] == "chat_started"


def new_chat(chip, address):
    visitor = chip.visitor(address=address)
    visitor.says(start())
    return visitor.hears_one()


def test_one_network_makes_only_so_many_new_chats_however_many_addresses_it_has(chip):
    chip = MemoryChip(new_chats_per_minute=1, new_chats_burst=2)
    answers = [new_chat(chip, f"2001:db8:7:{number:x}::/64") for number in range(50)]
    assert [answer["type"] for answer in answers] == ["chat_started"] * 20 + ["error"] * 30
    assert (answers[-1]["code"], answers[-1]["retry_after"]) == ("rate_limited", 6)
    assert new_chat(chip, "2001:db8:8::/64")["type"] == "chat_started"


def test_a_channel_takes_only_so_many_new_chats_from_wherever_they_come(chip):
    with capturedLogs() as lines:
        answers = [new_chat(chip, f"2001:db8:{number:x}::/64") for number in range(2000)]
    assert [answer["type"] for answer in answers] == ["chat_started"] * 300 + ["error"] * 1700
    assert (answers[-1]["code"], answers[-1]["retry_after"]) == ("rate_limited", 1)
    warnings = [(line["channel"], formatEvent(line)) for line in lines if "channel" in line]
    assert warnings == [(CHANNEL.uuid, "1 new chats were refused: the channel has too many")]
    # Who has a chat comes back into it.
    visitor = chip.visitor()
    visitor.says(start(BOB.chat_id))
    assert visitor.hears_one()["type"] == "chat_resumed"
    chip.clock.advance(1)
    assert new_chat(chip, "203.0.113.9")["type"] == "chat_started"


def test_who_is_refused_for_the_whole_channel_has_made_no_chat_of_his_own(chip):
    chip = MemoryChip(channel_new_chats_burst=1, new_chats_per_minute=1, new_chats_burst=1)
    assert new_chat(chip, "203.0.113.1")["type"] == "chat_started"
    assert new_chat(chip, "203.0.113.2")["code"] == "rate_limited"
    chip.clock.advance(1)
    assert new_chat(chip, "203.0.113.2")["type"] == "chat_started"


def test_asking_for_chats_that_do_not_exist_is_rationed_by_address(chip):
    chip = MemoryChip(new_chats_burst=1, vain_lookups_burst=10, commands_burst=10_000)
    chip.visitor().says(start())
    guesser, before = chip.visitor(), chip.store.queries
    guesser.says(*[start(f"guess{n:019}") for n in range(100)])
    assert chip.store.queries - before == 10
    assert {event["code"] for event in guesser.hears()} == {"rate_limited"}
    elsewhere = chip.visitor(address="198.51.100.1")
    elsewhere.says(start(BOB.chat_id))
    assert elsewhere.hears_one()["type"] == "chat_resumed"


def test_a_start_that_is_refused_over_an_old_secret_is_made_with_the_new_one(chip):
    visitor = chip.visitor()
    chip.store.channels[CHANNEL.uuid] = msgspec.structs.replace(CHANNEL, secret="open")
    chip.gateway.starts_need = "open"
    visitor.says(start())
    assert visitor.hears_one()["type"] == "chat_started"


def test_a_start_that_finds_no_room_for_long_is_unavailable_and_is_not_made_later():
    chip = MemoryChip(courier_parallel=4)  # one of them is for new chats
    slow, next_one = chip.visitor(), chip.visitor()
    chip.gateway.store = None  # answers are the test's
    slow.says(start())
    next_one.says(start())
    chip.later(ROOM_WITHIN + 1)
    assert next_one.hears_one()["code"] == "unavailable"
    (request,) = chip.gateway.requests
    request.fail("unknown")
    assert slow.hears_one()["code"] == "unavailable"
    assert chip.gateway.requests == [request]
