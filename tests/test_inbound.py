"""What Courier sends: what is checked, in which order, and what each outcome means to Courier."""

from __future__ import annotations

from contextlib import suppress

import msgspec
import pytest
from twisted.internet.defer import Deferred

from chip.chat.inbound import WrongSecret
from chip.errors import NotFound, QueueFull, Refused, Unavailable
from tests.support.memory_chip import AGENT, BOB, CHANNEL, MemoryChip, result_of

OTHER = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def chip():
    return MemoryChip()


def send(chip, channel=CHANNEL.uuid, raw=None, proven=str, **changes):
    body = {
        "chat_id": BOB.chat_id,
        "secret": "sesame",
        "msg": {"id": 10, "text": "Hi", "origin": "flow"},
        **changes,
    }
    raw = msgspec.json.encode(body) if raw is None else raw
    result_of(chip.server.inbound.accept(channel, raw, None, proven))


def waiting(chip):
    (chat,) = [chat for chat, state in chip.queues.chats.items() if state.items]
    return [msgspec.json.decode(one.item.msg_out) for one in chip.queues.chats[chat].items]


# The checks


def test_an_unknown_channel_comes_before_everything_else(chip):
    with pytest.raises(Refused, match=r"^no such channel$"):
        send(chip, channel=OTHER, raw=b"nonsense")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"[]",
        b'"x"',
        b'{"chat_id":7}',
        b'{"msg":{"id":"ten"}}',
        b'{"msg":{"id":9223372036854775808}}',
        b'{"msg":{"id":-9223372036854775809}}',
        b'{"msg":{"id":10,"user_id":9223372036854775808}}',
        b'{"msg":{"id":10,"text":"\\ud800"}}',
        b"\xff",
        b"[" * 9999,
    ],
)
def test_a_body_that_is_no_send_comes_before_the_secret(chip, body):
    with pytest.raises(Refused, match=r"^error reading request: ") as refused:
        send(chip, raw=body)
    assert refused.value.status == 400


@pytest.mark.parametrize("word", ["what I owe", "what I owe - at `$.msg`", "what I owe " * 9000])
def test_what_is_wrong_with_a_send_is_said_without_what_was_in_it(chip, word):
    with pytest.raises(Refused) as refused:
        send(chip, msg={"id": 10, "text": "Hi", "origin": word})
    reason = "unknown value - at `$.msg.origin`"
    assert str(refused.value) == f"error reading request: {reason}"


def test_the_largest_number_there_is_will_do(chip):
    send(chip, msg={"id": 2**63 - 1, "text": "Hi"})
    assert waiting(chip)[0]["id"] == 2**63 - 1


@pytest.mark.parametrize("secret", ["", "Sesame", "sesame ", "é", None])
def test_a_wrong_secret_comes_before_the_contact(chip, secret):
    changes = {"chat_id": "nobody"} | ({"secret": secret} if secret is not None else {})
    body = {"msg": {"id": 10}, "chat_id": "nobody", **changes}
    with pytest.raises(WrongSecret, match=r"^channel secret incorrect$"):
        send(chip, raw=msgspec.json.encode(body))


@pytest.mark.parametrize("changes", [{}, {"chat_id": "nobody"}, {"msg": None}])
def test_a_right_secret_is_told_of_whatever_is_wrong_besides(chip, changes):
    proofs = []
    with suppress(Refused):
        send(chip, proven=lambda: proofs.append("right"), **changes)
    assert proofs == ["right"]


@pytest.mark.parametrize("changes", [{"secret": "Sesame"}, {"raw": b"{"}, {"channel": OTHER}])
def test_nothing_is_told_of_a_secret_that_is_wrong_or_was_not_read(chip, changes):
    proofs = []
    with pytest.raises(Refused):
        send(chip, proven=lambda: proofs.append("right"), **changes)
    assert proofs == []


def test_a_channel_without_a_secret_accepts_nothing(chip):
    chip.store.channels[CHANNEL.uuid] = msgspec.structs.replace(CHANNEL, secret="")
    with pytest.raises(WrongSecret):
        send(chip, secret="")


@pytest.mark.parametrize("chat_id", ["unknown0000000000000000X", "short", "", "a" * 24 + "\n"])
def test_an_unknown_or_malformed_chat_comes_before_the_message(chip, chat_id):
    with pytest.raises(Refused, match=r"^error loading contact with chat id ") as refused:
        send(chip, chat_id=chat_id, msg=None)
    assert refused.value.status == 400


@pytest.mark.parametrize("msg", [None, {}, {"text": "Hi"}, {"id": None, "uuid": ""}, {"id": 0}])
def test_a_message_without_a_name_is_refused(chip, msg):
    with pytest.raises(Refused, match=r"^error reading request: msg "):
        send(chip, msg=msg)


def test_no_user_may_be_written_as_zero_too(chip):
    send(chip, msg={"id": 10, "text": "Hi", "user_id": 0})
    assert "user" not in waiting(chip)[0]


def test_an_unknown_user_is_not_found(chip):
    with pytest.raises(NotFound, match=r"^user not found$") as refused:
        send(chip, msg={"id": 10, "text": "Hi", "user_id": 99})
    assert refused.value.status == 404


@pytest.mark.parametrize("msg", [{}, {"text": "Hi"}, {"id": 0, "uuid": ""}])
def test_a_message_without_a_name_is_told_before_an_unknown_user(chip, msg):
    with pytest.raises(Refused, match=r"^error reading request: msg has neither id nor uuid$"):
        send(chip, msg=msg | {"user_id": 99})


# What is stored


def test_a_message_is_stored_with_all_that_is_known_of_it(chip):
    chip.knows_message(10, "0191e180-7d60-7000-aded-7d8b151cbd5b", "2024-05-01T11:59:59.5Z")
    msg = {
        "id": 10,
        "text": "Hi",
        "attachments": ["image/jpeg:https://x.example/y.jpg"],
        "quick_replies": ["Yes", "No"],
        "origin": "chat",
        "user_id": AGENT.id,
    }
    send(chip, msg=msg)
    assert waiting(chip) == [
        {
            "id": 10,
            "uuid": "0191e180-7d60-7000-aded-7d8b151cbd5b",
            "text": "Hi",
            "attachments": ["image/jpeg:https://x.example/y.jpg"],
            "quick_replies": ["Yes", "No"],
            "origin": "chat",
            "user": {"id": 7, "email": "bob@example.com", "name": "Bob McTickets"},
            "time": "2024-05-01T11:59:59.5Z",
        }
    ]


def test_what_is_empty_is_left_out_and_the_time_of_receipt_stands_in(chip):
    send(chip, msg={"id": 10, "text": "", "attachments": None, "quick_replies": []})
    assert waiting(chip) == [
        {"id": 10, "text": "", "origin": "chat", "time": "2024-05-01T12:00:00Z"}
    ]


def test_a_message_known_by_uuid_alone_has_it_for_an_id_too(chip):
    uuid = "0191e180-7d60-7000-aded-7d8b151cbd5b"
    send(chip, msg={"uuid": uuid, "text": "Hi"})
    (message,) = waiting(chip)
    assert (message["id"], message["uuid"]) == (uuid, uuid)


def test_both_names_are_given_where_the_database_knows_them(chip):
    uuid = "0191e180-7d60-7000-aded-7d8b151cbd5b"
    chip.knows_message(10, uuid, "2024-05-01T12:00:00Z")
    send(chip, msg={"uuid": uuid, "text": "Hi"})
    (message,) = waiting(chip)
    assert (message["id"], message["uuid"]) == (10, uuid)


def test_a_message_to_a_chat_that_was_moved_to_another_contact_is_found_there(chip):
    """RapidPro merges contacts; the one that was remembered a moment ago has the chat no more."""
    uuid = "0191e180-7d60-7000-aded-7d8b151cbd5b"
    send(chip)
    merged = msgspec.structs.replace(BOB, id=BOB.id + 1)
    chip.store.contacts[CHANNEL.org_id, BOB.chat_id] = merged
    chip.knows_message(11, uuid, "2024-05-01T12:00:00Z", merged)
    send(chip, msg={"id": 11, "text": "Hi"})
    assert waiting(chip)[-1]["uuid"] == uuid


def test_a_message_to_a_contact_who_was_deleted_a_moment_ago_is_refused(chip):
    send(chip)
    del chip.store.contacts[CHANNEL.org_id, BOB.chat_id]
    with pytest.raises(Refused, match="no such contact"):
        send(chip, msg={"id": 11, "text": "Hi"})


def test_a_message_posted_again_is_accepted_and_stored_once(chip):
    send(chip)
    send(chip)
    assert len(waiting(chip)) == 1


# Trouble: never a 4xx for what may work later


def test_a_secret_that_was_changed_counts_at_once(chip):
    send(chip)
    chip.store.channels[CHANNEL.uuid] = msgspec.structs.replace(CHANNEL, secret="open")
    send(chip, secret="open", msg={"id": 11, "text": "Hi"})
    assert len(waiting(chip)) == 2


def test_the_secret_before_is_accepted_for_three_minutes_after_a_change(chip):
    """Courier remembers a channel for a minute, and Chip may know better already."""
    send(chip)
    chip.store.channels[CHANNEL.uuid] = msgspec.structs.replace(CHANNEL, secret="open")
    send(chip, secret="open", msg={"id": 11, "text": "Hi"})
    chip.clock.advance(170)
    send(chip, msg={"id": 12, "text": "Hi"})
    chip.clock.advance(20)
    with pytest.raises(WrongSecret):
        send(chip, msg={"id": 13, "text": "Hi"})


def test_but_not_where_the_change_may_have_been_long_ago(chip):
    send(chip)
    chip.store.channels[CHANNEL.uuid] = msgspec.structs.replace(CHANNEL, secret="open")
    chip.clock.advance(30 * 86_400)
    with pytest.raises(WrongSecret):
        send(chip, msg={"id": 12, "text": "Hi"})


def test_a_secret_that_differs_from_a_remembered_one_is_not_wrong_while_the_database_is_away(chip):
    send(chip)
    chip.store.away = True
    with pytest.raises(Unavailable):
        send(chip, secret="open")


def test_an_unknown_channel_is_not_refused_while_the_database_is_away(chip):
    chip.store.away = True
    with pytest.raises(Unavailable):
        send(chip, channel=OTHER)


def test_a_contact_that_chip_has_just_made_may_not_be_readable_yet(chip):
    visitor = chip.visitor()
    visitor.says({"type": "start_chat"})
    chat_id = visitor.hears_one()["chat_id"]
    del chip.store.contacts[1, chat_id]
    fresh = MemoryChip.process(chip)  # another process, which knows nothing of it
    body = {"chat_id": chat_id, "secret": "sesame", "msg": {"id": 10, "text": "Hi"}}
    with pytest.raises(Unavailable):
        result_of(fresh.inbound.accept(CHANNEL.uuid, msgspec.json.encode(body)))
    chip.later(61)
    with pytest.raises(Refused):
        result_of(fresh.inbound.accept(CHANNEL.uuid, msgspec.json.encode(body)))


def test_a_chat_that_is_known_here_is_served_while_the_database_is_away(chip):
    visitor = chip.bob()
    chip.store.away = True
    send(chip, msg={"id": 10, "text": "Hi", "user_id": AGENT.id})
    assert visitor.is_shown() == [10]


def test_a_message_does_not_wait_long_for_what_is_only_nice_to_know_of_it(chip):
    visitor, never = chip.bob(), Deferred()

    async def slow(*_):
        return await never

    chip.store.user = chip.store.message = slow
    chip.server.lookups._users._ask = slow
    body = {"chat_id": BOB.chat_id, "secret": "sesame", "msg": {"id": 10, "user_id": AGENT.id}}
    stored = []
    sent = chip.server.inbound.accept(CHANNEL.uuid, msgspec.json.encode(body))
    Deferred.fromCoroutine(sent).addCallback(stored.append)
    assert stored == []
    chip.later(3.5)
    assert (stored, visitor.is_shown()) == ([None], [10])


def test_a_chat_that_is_not_known_here_is_unavailable_while_the_database_is_away(chip):
    send(chip, secret="sesame")
    chip.store.away = True
    with pytest.raises(Unavailable):
        send(chip, chat_id="unknown0000000000000000X")


def test_a_queue_that_is_away_is_unavailable(chip):
    chip.queues.away = True
    with pytest.raises(Unavailable):
        send(chip)


def test_a_full_outbox_is_unavailable_for_now():
    chip = MemoryChip(outbox_messages=1)
    send(chip)
    with pytest.raises(QueueFull):
        send(chip, msg={"id": 11, "text": "Hi"})
    send(chip)  # the one that is there was accepted, and is so again


def test_refusals_never_repeat_more_than_the_beginning_of_what_was_sent(chip):
    with pytest.raises(Refused) as refused:
        send(chip, chat_id="x" * 100_000)
    assert len(str(refused.value)) < 200
