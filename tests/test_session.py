"""What a visitor says, and what he hears: the commands, one by one."""

from __future__ import annotations

import gc
import weakref

import msgspec
import pytest
from twisted.internet.defer import Deferred

from chip.chat.command_queue import MAX_WAITING
from chip.chat.outbound.circuit import ROOM_WITHIN
from chip.models import Report
from chip.protocol.commands import MAX_TEXT
from tests.support.memory import MemoryStore
from tests.support.memory_chip import AGENT, BOB, CHANNEL, MemoryChip

UUID = "0191e180-7d60-7000-aded-7d8b151cbd5b"


def start(chat_id=None):
    return {"type": "start_chat"} | ({"chat_id": chat_id} if chat_id is not None else {})


def say(text, ref=None):
    return {"type": "send_msg", "text": text} | ({"ref": ref} if ref else {})


def ack(msg_id):
    return {"type": "ack_chat", "msg_id": msg_id}


@pytest.fixture
def chip():
    return MemoryChip()


# start_chat


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
    chip.store.contacts[1, BOB.chat_id] = _with_email(BOB, "robert@example.com")
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


def test_asking_for_chats_that_do_not_exist_is_rationed_by_address(chip):
    chip = MemoryChip(new_chats_per_minute=1, new_chats_burst=1, commands_burst=10_000)
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


def test_an_escaped_backslash_before_u0000_is_only_text(chip):
    visitor = chip.bob()
    visitor.says(b'{"type":"send_msg","text":"\\\\u0000","ref":"c1"}')
    assert visitor.hears_one() == {"type": "msg_accepted", "ref": "c1"}
    assert chip.gateway.take().texts == ["\\u0000"]


def test_an_error_names_the_ref_where_it_is_known(chip):
    visitor = chip.bob()
    visitor.says(say("", ref="c7"))
    assert visitor.hears_one()["ref"] == "c7"


def test_too_many_bad_commands_close_the_connection(chip):
    visitor = chip.bob()
    visitor.says(*[b"nonsense"] * 10)
    assert len(visitor.hears()) == 10
    assert visitor.closed_with is None
    visitor.says(b"nonsense")
    assert visitor.closed_with == (4400, "too many bad commands")


def test_a_ping_is_answered_at_any_time(chip):
    visitor = chip.visitor()
    visitor.says({"type": "ping"})
    assert visitor.hears_one() == {"type": "pong"}


def test_a_ping_overtakes_a_command_that_waits(chip):
    visitor = chip.bob()
    stuck = _Stuck(chip.store)
    visitor.says({"type": "get_history", "before": "2024-05-01T12:00:00Z"}, {"type": "ping"})
    assert visitor.hears_one() == {"type": "pong"}
    stuck.answer.callback(b"[]")
    assert visitor.hears_one() == {"type": "history", "history": []}


class _Stuck:
    """Pages of history come from this store when the test wants them to."""

    def __init__(self, store):
        store.history = self.history
        self.answer = Deferred()

    async def history(self, contact, before):
        return await self.answer


# send_msg


def test_a_message_is_accepted_once_it_is_stored_and_goes_to_courier(chip):
    visitor = chip.bob()
    visitor.says(say("I need help!", ref="c1"))
    assert visitor.hears_one() == {"type": "msg_accepted", "ref": "c1"}
    request = chip.gateway.take()
    assert (request.channel, request.chat_id) == (CHANNEL, BOB.chat_id)
    assert request.texts == ["I need help!"]
    request.handle("uuid-1")
    assert chip.queues.chats[visitor.chat].spool == []


def test_a_message_without_a_ref_is_taken_in_silence(chip):
    visitor = chip.bob()
    visitor.says(say("Hi"))
    assert visitor.hears() == []
    assert chip.gateway.take().texts == ["Hi"]


def test_the_same_ref_is_accepted_again_and_forwarded_once(chip):
    visitor = chip.bob()
    visitor.says(say("Hi", ref="c1"), say("Hi", ref="c1"))
    other = chip.bob()
    other.says(say("Hi", ref="c1"))
    assert [e["type"] for e in visitor.hears()] == ["msg_accepted", "msg_accepted"]
    assert other.hears_one() == {"type": "msg_accepted", "ref": "c1"}
    request = chip.gateway.take()
    assert request.texts == ["Hi"]
    request.handle("uuid-1")
    assert chip.gateway.requests == []


def test_messages_are_refused_as_unavailable_while_the_queue_is_away_and_none_is_lost(chip):
    visitor = chip.bob()
    chip.queues.away = True
    visitor.says(say("Hi", ref="c1"))
    error = visitor.hears_one()
    assert (error["code"], error["ref"]) == ("unavailable", "c1")
    chip.queues.come_back()
    visitor.says(say("Hi", ref="c1"))
    assert visitor.hears_one() == {"type": "msg_accepted", "ref": "c1"}
    assert chip.gateway.take().texts == ["Hi"]


def test_a_chat_that_says_too_much_is_told_when_to_go_on(chip):
    visitor = chip.bob()
    visitor.says(*[say(f"{n}", ref=f"c{n}") for n in range(61)])
    *accepted, refused = visitor.hears()
    assert [e["type"] for e in accepted] == ["msg_accepted"] * 60
    assert (refused["code"], refused["ref"], refused["retry_after"]) == ("rate_limited", "c60", 1)


def test_the_rate_is_the_chats_and_not_the_connections(chip):
    first, second = chip.bob(), chip.bob()
    first.says(*[say(f"{n}") for n in range(60)])
    first.hears()
    second.says(say("one more", ref="c1"))
    assert second.hears()[-1]["code"] == "rate_limited"


def test_a_full_spool_is_rate_limited_and_takes_nothing(chip):
    chip = MemoryChip(spool_events=2)
    visitor = chip.bob()
    visitor.says(*[say(f"{n}", ref=f"c{n}") for n in range(3)])
    *accepted, refused = visitor.hears()
    assert [event["ref"] for event in accepted] == ["c0", "c1"]
    assert (refused["code"], refused["ref"]) == ("rate_limited", "c2")


def test_the_other_tabs_hear_what_was_said_here(chip):
    here, there = chip.bob(), chip.bob()
    elsewhere = chip.bob(chip.process())
    here.says(say("Hi", ref="c1"))
    assert [e["type"] for e in here.hears()] == ["msg_accepted"]
    echo = {
        "type": "msg_echo",
        "msg_in": {"text": "Hi", "ref": "c1", "time": "2024-05-01T12:00:00Z"},
    }
    assert there.hears_one() == echo
    assert elsewhere.hears_one() == echo


def test_what_was_said_before_leaving_is_carried_out(chip):
    stuck = _Stuck(chip.store)
    visitor = chip.bob()
    visitor.says({"type": "get_history", "before": "2024-05-01T12:00:00Z"}, say("Bye"))
    visitor.leaves()
    stuck.answer.callback(b"[]")
    assert chip.gateway.take().texts == ["Bye"]
    assert visitor.hears() == []


def test_a_visitor_who_says_more_than_can_be_done_is_not_read_for_a_while(chip):
    chip = MemoryChip(commands_burst=1000)
    visitor = chip.bob()
    stuck = _Stuck(chip.store)
    visitor.says({"type": "get_history", "before": "2024-05-01T12:00:00Z"})
    visitor.says(*[ack(n) for n in range(MAX_WAITING - 1)])
    assert not visitor.paused
    visitor.says(ack(0))
    assert visitor.paused
    stuck.answer.callback(b"[]")
    assert not visitor.paused


def test_an_exception_in_one_command_ends_neither_this_chat_nor_another(chip, expected_failures):
    visitor, other = chip.bob(), chip.bob()
    chip.store.history = _broken
    visitor.says({"type": "get_history", "before": "2024-05-01T12:00:00Z"}, say("Hi", ref="c1"))
    error, accepted = visitor.hears()
    assert (error["code"], error["command"]) == ("internal", "get_history")
    assert "secret" not in error["message"]
    assert accepted == {"type": "msg_accepted", "ref": "c1"}
    assert other.closed_with is None
    expected_failures.take(ZeroDivisionError)


def test_when_storing_fails_every_message_that_went_with_it_is_answered(chip, expected_failures):
    visitor = chip.bob()
    stuck = _Stuck(chip.store)
    chip.queue.spool.append = None
    visitor.says({"type": "get_history", "before": "2024-05-01T12:00:00Z"})
    visitor.says(say("one", ref="c1"), say("two", ref="c2"))
    stuck.answer.callback(b"[]")
    errors = visitor.hears()[1:]
    assert [(e["code"], e["ref"]) for e in errors] == [("internal", "c1"), ("internal", "c2")]
    expected_failures.take(TypeError)


async def _broken(contact, before):
    raise ZeroDivisionError("secret")


def test_too_many_commands_are_answered_with_when_to_go_on(chip):
    chip = MemoryChip(commands_per_second=1, commands_burst=1)
    visitor = chip.bob()
    visitor.says({"type": "set_email", "email": "bob@example.com"})
    error = visitor.hears_one()
    assert (error["code"], error["command"]) == ("rate_limited", "set_email")
    assert error["retry_after"] == 1


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


# get_history and set_email


def test_history_is_asked_for_before_a_moment_in_any_zone(chip):
    visitor = chip.bob()
    visitor.says({"type": "get_history", "before": "2024-05-01T14:15:30.123456789+02:00"})
    (entry,) = visitor.hears_one()["history"]
    assert entry["msg_in"]["text"] == "before 2024-05-01T12:15:30.123457Z"


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


def test_an_email_is_put_back_after_courier_has_wiped_it(chip):
    visitor = chip.bob()
    visitor.says({"type": "set_email", "email": "bob@example.com"})
    visitor.says(say("Hi"))
    chip.store.contacts[1, BOB.chat_id] = BOB  # wiped
    chip.gateway.take().handle("uuid-1")
    assert chip.store.contacts[1, BOB.chat_id].email == "bob@example.com"


def test_an_email_that_somebody_else_has_set_is_left_alone(chip):
    visitor = chip.bob()
    visitor.says({"type": "set_email", "email": "bob@example.com"}, say("Hi"))
    chip.store.contacts[1, BOB.chat_id] = _with_email(BOB, "robert@example.com")
    chip.gateway.take().handle("uuid-1")
    assert chip.store.contacts[1, BOB.chat_id].email == "robert@example.com"


def _with_email(contact, email):
    return msgspec.structs.replace(contact, email=email)


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
