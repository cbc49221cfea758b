"""What a visitor says, and what he hears: every command but start_chat and send_msg."""

from __future__ import annotations

import gc
import weakref

import msgspec
import pytest

from chip.models import Report
from chip.protocol.commands import MAX_EMAIL, MAX_REF, MAX_TEXT
from tests.support.commands import ack, say
from tests.support.memory_chip import AGENT, BOB, MemoryChip

UUID = "0191e180-7d60-7000-aded-7d8b151cbd5b"


@pytest.fixture
def chip():
    return MemoryChip()


# Before a chat, and what is not a command


@pytest.mark.parametrize(
    "command",
    [
        say("Hi", ref="c1"),
        ack(10),
        {"type": "get_history", "before": "2024-05-01T12:00:00Z"},
        {"type": "set_email", "email": "bob@example.com"},
    ],
)
def test_nothing_but_an_error_comes_of_a_command_before_the_chat(chip, command):
    visitor = chip.visitor()
    visitor.says(command)
    error = visitor.hears_one()
    assert (error["code"], error["command"]) == ("chat_not_started", command["type"])
    assert error.get("ref") == command.get("ref")


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"", "invalid_json"),
        (b"hello", "invalid_json"),
        (b"[]", "invalid_json"),
        (b'"start_chat"', "invalid_json"),
        (b"\xff\xfe", "invalid_json"),
        (b"[" * 16_000, "invalid_json"),
        (b"{}", "unknown_command"),
        (b'{"type":7}', "unknown_command"),
        (b'{"type":"stop_chat"}', "unknown_command"),
        (b'{"type":"send_msg"}', "invalid_command"),
        (b'{"type":"send_msg","text":""}', "invalid_command"),
        (b'{"type":"send_msg","text":7}', "invalid_command"),
        (b'{"type":"send_msg","text":"a\\u0000b"}', "invalid_command"),
        (b'{"type":"send_msg","text":"a","note":["\\u0000"]}', "invalid_command"),
        (b'{"type":"send_msg","text":"a","ref":""}', "invalid_command"),
        (b'{"type":"send_msg","text":"a","ref":"' + b"r" * 65 + b'"}', "invalid_command"),
        (b'{"type":"send_msg","text":"' + b"a" * (MAX_TEXT + 1) + b'"}', "invalid_command"),
        (b'{"type":"start_chat","chat_id":7}', "invalid_command"),
        (b'{"type":"ack_chat"}', "invalid_command"),
        (b'{"type":"ack_chat","msg_id":true}', "invalid_command"),
        (b'{"type":"get_history"}', "invalid_command"),
        (b'{"type":"get_history","before":"yesterday"}', "invalid_command"),
        (b'{"type":"get_history","before":"2024-05-01T12:00:00"}', "invalid_command"),
        (b'{"type":"set_email","email":"bob"}', "invalid_command"),
        (b'{"type":"set_email","email":"' + b"b" * 250 + b'@example.com"}', "invalid_command"),
    ],
)
def test_a_bad_frame_is_answered_and_the_connection_stays(chip, frame, code):
    visitor = chip.bob()
    visitor.says(frame)
    assert visitor.hears_one()["code"] == code
    visitor.says(say("Still here", ref="c1"))
    assert visitor.hears_one() == {"type": "msg_accepted", "ref": "c1"}


@pytest.mark.parametrize("ref", ["r", "r" * MAX_REF, "é" * MAX_REF])
def test_a_ref_has_as_many_characters_as_are_allowed(chip, ref):
    visitor = chip.bob()
    visitor.says(say("Hi", ref=ref))
    assert visitor.hears_one() == {"type": "msg_accepted", "ref": ref}
    visitor.says(say("Hi", ref=ref + "r" * MAX_REF))
    assert visitor.hears_one()["code"] == "invalid_command"


@pytest.mark.parametrize("letter", ["b", "é"])
def test_an_email_has_as_many_characters_as_are_allowed(chip, letter):
    longest = letter * (MAX_EMAIL - len("@example.com")) + "@example.com"
    visitor = chip.bob()
    visitor.says({"type": "set_email", "email": longest})
    assert visitor.hears() == []
    assert chip.store.contacts[1, BOB.chat_id].email == longest
    visitor.says({"type": "set_email", "email": letter + longest})
    assert visitor.hears_one()["code"] == "invalid_command"
    assert chip.store.contacts[1, BOB.chat_id].email == longest


def test_an_escaped_backslash_before_u0000_is_only_text(chip):
    visitor = chip.bob()
    visitor.says(b'{"type":"send_msg","text":"\\\\u0000","ref":"c1"}')
    assert visitor.hears_one() == {"type": "msg_accepted", "ref": "c1"}
    assert chip.gateway.take().texts == ["\\u0000"]


def test_an_error_names_the_ref_where_it_is_known(chip):
    visitor = chip.bob()
    visitor.says(say("", ref="c7"))
    assert visitor.hears_one()["ref"] == "c7"


@pytest.mark.parametrize(
    ("frame", "named"),
    [
        (b'{"type":"ack_chat","msg_id":3,"msg_uuid":4}', {"msg_id": 3}),
        (b'{"type":"ack_chat","msg_id":3,"x":"\\u0000"}', {"msg_id": 3}),
        (
            b'{"type":"ack_chat","msg_id":"a","msg_uuid":"b","x":"\\u0000"}',
            {"msg_id": "a", "msg_uuid": "b"},
        ),
        (b'{"type":"ack_chat","msg_id":1.5,"msg_uuid":"b"}', {"msg_uuid": "b"}),
        (b'{"type":"ack_chat","msg_id":true,"msg_uuid":"b"}', {"msg_uuid": "b"}),
        (b'{"type":"ack_chat","msg_id":"\\u0000","msg_uuid":"b"}', {"msg_uuid": "b"}),
        (b'{"type":"ack_chat","msg_id":[],"msg_uuid":"\\u0000"}', {}),
        (b'{"type":"ack_chat","msg_id":null,"msg_uuid":""}', {}),
        (b'{"type":"send_msg","msg_id":3,"msg_uuid":"b"}', {}),
        (b'{"type":"stop_chat","msg_id":3}', {}),
    ],
)
def test_an_error_names_the_message_that_was_to_be_acknowledged_as_far_as_it_can_be_read(
    chip, frame, named
):
    visitor = chip.bob()
    visitor.says(frame)
    error = visitor.hears_one()
    assert {name: error[name] for name in ("msg_id", "msg_uuid") if name in error} == named


# ack_chat


def test_an_ack_takes_the_message_out_and_courier_hears_delivered(chip):
    visitor = chip.bob()
    chip.send(10)
    assert visitor.is_shown() == [10]
    visitor.says(ack(10))
    chip.later(3)
    assert chip.gateway.take().reports == [Report("delivered", 10)]
    assert chip.queues.chats[visitor.chat].items == []
    assert visitor.hears() == []


def test_a_message_can_be_acknowledged_by_its_uuid_too(chip):
    chip.knows_message(10, UUID, "2024-05-01T12:00:00Z")
    visitor = chip.bob()
    chip.send(10)
    visitor.hears()
    visitor.says({"type": "ack_chat", "msg_uuid": UUID})
    chip.later(3)
    assert chip.gateway.take().reports == [Report("delivered", 10, UUID)]


def test_a_report_names_a_message_by_its_uuid_where_nothing_else_is_known(chip):
    uuid = UUID
    visitor = chip.bob()
    chip.send(msg={"id": None, "uuid": uuid})
    assert visitor.is_shown() == [uuid]
    visitor.says(ack(uuid))
    chip.later(3)
    assert chip.gateway.take().reports == [Report("delivered", None, uuid)]


@pytest.mark.parametrize("foreign", [ack(99), ack("nobody's"), ack(2**80), ack(-1)])
def test_an_ack_of_what_is_not_in_the_outbox_is_answered_by_silence(chip, foreign):
    visitor = chip.bob()
    chip.send(10)
    visitor.hears()
    visitor.says(foreign)
    assert visitor.hears() == []
    assert chip.gateway.requests == []


def test_the_first_ack_counts_and_the_second_is_silence(chip):
    here, there = chip.bob(), chip.bob()
    chip.send(10)
    here.says(ack(10))
    there.says(ack(10))
    chip.later(3)
    assert len(chip.gateway.requests) == 1
    assert [e["type"] for e in there.hears()] == ["chat_out"]


def test_acks_of_messages_in_flight_are_never_rate_limited(chip):
    chip = MemoryChip(commands_per_second=0.001, commands_burst=1)
    visitor = chip.bob()
    for msg_id in range(10, 15):
        chip.send(msg_id)
    visitor.says(*[ack(msg_id) for msg_id in range(10, 15)])
    assert all(event["type"] == "chat_out" for event in visitor.hears())
    assert chip.queues.chats[visitor.chat].items == []


@pytest.mark.parametrize("ping", [b'{"type":"ping"}', b' {"x":1,"type":"ping"}'])
def test_a_flood_of_pings_is_cut_after_20_however_they_are_spelled(chip, ping):
    visitor = chip.bob()
    visitor.says(*[ping] * 20)
    assert [event["type"] for event in visitor.hears()] == ["pong"] * 20
    assert visitor.closed_with is None
    visitor.says(ping)
    assert visitor.closed_with == (4029, "too many pings")
    assert visitor.session.pings == 21


def test_a_ping_a_second_is_answered_for_ever(chip):
    visitor = chip.bob()
    for _ in range(100):
        visitor.says({"type": "ping"})
        assert visitor.hears_one()["type"] == "pong"
        chip.later(1)


# get_history and set_email


def test_history_is_asked_for_before_a_moment_in_any_zone(chip):
    """Of nanoseconds, nothing is left out: they are rounded up."""
    visitor = chip.bob()
    for number, time in enumerate(("12:15:30.123456Z", "12:15:30.123457Z"), 1):
        chip.knows_message(number, f"uuid-{number}", f"2024-05-01T{time}")
    visitor.says({"type": "get_history", "before": "2024-05-01T14:15:30.123456789+02:00"})
    (entry,) = visitor.hears_one()["history"]
    assert entry["msg_out"]["id"] == 1


def test_history_is_unavailable_while_the_database_is_away(chip):
    visitor = chip.bob()
    chip.store.away = True
    visitor.says({"type": "get_history", "before": "2024-05-01T12:00:00Z"})
    assert visitor.hears_one()["code"] == "unavailable"


def test_history_is_given_only_so_often(chip):
    visitor = chip.bob()
    visitor.says(*[{"type": "get_history", "before": "2024-05-01T12:00:00Z"}] * 6)
    *pages, refused = visitor.hears()
    assert [page["type"] for page in pages] == ["history"] * 5
    assert (refused["code"], refused["command"]) == ("rate_limited", "get_history")


def test_an_email_is_taken_only_so_often(chip):
    visitor = chip.bob()
    visitor.says(*[{"type": "set_email", "email": f"bob{n}@example.com"} for n in range(11)])
    refused = visitor.hears_one()
    assert (refused["code"], refused["command"]) == ("rate_limited", "set_email")
    assert refused["retry_after"] == 10
    assert chip.store.contacts[1, BOB.chat_id].email == "bob9@example.com"
    chip.clock.advance(10)
    visitor.says({"type": "set_email", "email": "bob@example.com"})
    assert chip.store.contacts[1, BOB.chat_id].email == "bob@example.com"


WIPED = BOB
"""What Courier leaves of a contact when it has taken something."""


def test_an_email_is_put_back_after_courier_has_wiped_it(chip):
    visitor = chip.bob()
    visitor.says({"type": "set_email", "email": "bob@example.com"})
    visitor.says(say("Hi"))
    chip.store.contacts[1, BOB.chat_id] = WIPED
    chip.gateway.take().handle("uuid-1")
    assert chip.store.contacts[1, BOB.chat_id].email == "bob@example.com"


@pytest.mark.parametrize("before", ["", "old@example.com"])
def test_and_so_is_one_that_came_while_courier_was_at_work(chip, before):
    visitor = chip.bob()
    if before:
        visitor.says({"type": "set_email", "email": before})
    visitor.says(say("Hi"), {"type": "set_email", "email": "bob@example.com"})
    chip.store.contacts[1, BOB.chat_id] = WIPED
    chip.gateway.take().handle("uuid-1")
    assert chip.store.contacts[1, BOB.chat_id].email == "bob@example.com"


def test_an_email_is_put_back_once_the_database_is_back(chip):
    visitor = chip.bob()
    visitor.says({"type": "set_email", "email": "bob@example.com"}, say("Hi"))
    chip.store.contacts[1, BOB.chat_id] = WIPED
    chip.store.away = True
    chip.gateway.take().handle("uuid-1")
    chip.later(60)
    chip.store.away = False
    chip.later(5)
    assert chip.store.contacts[1, BOB.chat_id].email == "bob@example.com"


def test_what_is_put_back_later_is_the_newest_and_put_back_once(chip):
    visitor = chip.bob()
    visitor.says({"type": "set_email", "email": "old@example.com"}, say("Hi"))
    chip.store.away = True
    chip.gateway.take().handle("uuid-1")
    visitor.says(say("Ho"))
    chip.gateway.take().handle("uuid-2")
    chip.store.away = False
    visitor.says({"type": "set_email", "email": "bob@example.com"})
    chip.store.contacts[1, BOB.chat_id] = WIPED
    before = chip.store.queries
    chip.later(10)
    assert chip.store.contacts[1, BOB.chat_id].email == "bob@example.com"
    assert chip.store.queries - before == 1


def test_an_email_that_somebody_else_has_set_is_left_alone(chip):
    visitor = chip.bob()
    visitor.says({"type": "set_email", "email": "bob@example.com"}, say("Hi"))
    chip.store.contacts[1, BOB.chat_id] = msgspec.structs.replace(BOB, email="robert@example.com")
    chip.gateway.take().handle("uuid-1")
    assert chip.store.contacts[1, BOB.chat_id].email == "robert@example.com"


# Connections


def test_the_newest_connections_of_a_chat_stay_and_the_oldest_is_replaced(chip):
    tabs = [chip.bob() for _ in range(5)]
    sixth = chip.bob()
    assert tabs[0].closed_with == (4409, "replaced by a newer connection")
    chip.send(10)
    assert [tab.is_shown() for tab in [*tabs[1:], sixth]] == [[10]] * 5


def test_a_closed_connection_is_free_of_cycles(chip):
    visitor = chip.bob()
    chip.send(10)
    visitor.says(say("Hi"), ack(10))
    gc.disable()
    try:
        visitor.leaves()
        del visitor.session
        gone = weakref.ref(visitor)
        del visitor
        assert gone() is None
    finally:
        gc.enable()


def test_an_author_is_shown_with_his_message(chip):
    visitor = chip.bob()
    chip.send(10, msg={"user_id": AGENT.id, "origin": "chat"})
    assert visitor.hears_one()["msg_out"]["user"] == {
        "id": 7,
        "email": "bob@example.com",
        "name": "Bob McTickets",
    }
