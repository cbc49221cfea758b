"""Chats on External channels: started without Courier, and what Courier sends on them."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlencode

import msgspec
import pytest

from chip.chat.inbound import WrongSecret
from chip.errors import QueueFull, Refused, Unavailable
from chip.models import Channel, ChatKey, Contact
from chip.store.public_ids import public_id
from tests.support.commands import say, start
from tests.support.memory_chip import BOB, CHANNEL, MemoryChip, result_of

UUID = "3e7e5a52-9b5e-4ee8-8f36-0b9cd2c1d9e2"
BEARER = "Bearer sesame"
PUBLIC = public_id(UUID, BEARER)
EXTERNAL = Channel(PUBLIC, 1, BEARER, UUID)
MESSAGE = "01a2139e-c365-76c2-97fd-53bb20bc6da5"
NOW = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
CHAT = ChatKey(BOB.chat_id, PUBLIC)


def external_chip(**limits):
    chip = MemoryChip(**limits)
    chip.store.channels[PUBLIC] = EXTERNAL
    return chip


@pytest.fixture
def chip():
    return external_chip()


def form(**changes):
    fields = {"id": MESSAGE, "to": BOB.chat_id, "text": "as sent", "channel": UUID, **changes}
    return urlencode(fields, doseq=True).encode()


def send(chip, body=None, *, authorization=BEARER, path=""):
    result_of(chip.server.inbound.accept_external(path, authorization, body or form()))


def waiting(chip):
    return [msgspec.json.decode(one.item.msg_out) for one in chip.queues.chats[CHAT].items]


def row(chip, text="as stored", contact=BOB, uuid=MESSAGE, **more):
    return chip.store.sent(contact.id, text, NOW, uuid, origin="flow", **more)


# What Courier sends.


def test_what_is_shown_is_the_row_of_the_message(chip):
    number = row(chip, attachments=["image/png:https://x/a.png"], quick_replies=["Yes"])
    send(chip, form(text="as stored\nhttps://x/a.png"))
    (shown,) = waiting(chip)
    assert (shown["id"], shown["uuid"], shown["text"]) == (number, MESSAGE, "as stored")
    assert shown["attachments"] == ["image/png:https://x/a.png"]
    assert (shown["quick_replies"], shown["origin"]) == (["Yes"], "flow")


def test_a_message_may_be_named_by_number(chip):
    send(chip, form(id=row(chip)))
    assert waiting(chip)[0]["uuid"] == MESSAGE


def test_further_parts_and_repetitions_add_nothing(chip):
    row(chip)
    for text in ("as", "stored", "as", "stored"):
        send(chip, form(text=text))
    assert len(waiting(chip)) == 1


def test_the_channel_may_be_named_by_the_path(chip):
    row(chip)
    send(chip, form(channel=""), path=UUID)
    assert len(waiting(chip)) == 1


@pytest.mark.parametrize("authorization", ["", "sesame", "Bearer Sesame", "Bearer sesame "])
def test_another_authorization_is_refused_and_says_which_channel(chip, authorization):
    with pytest.raises(WrongSecret) as refused:
        send(chip, authorization=authorization)
    assert refused.value.channel == PUBLIC
    assert UUID not in str(refused.value)


@pytest.mark.parametrize("uuid", [PUBLIC, MESSAGE, "", "nonsense"])
def test_only_the_channels_own_uuid_names_it_to_courier(chip, uuid):
    with pytest.raises(Refused, match=r"^no such channel$"):
        send(chip, form(channel=uuid))


@pytest.mark.parametrize("chat_id", ["", "short", BOB.chat_id + "x", BOB.chat_id + ":a@b.c"])
def test_no_chat_id_is_refused_for_good(chip, chat_id):
    with pytest.raises(Refused, match="malformed chat id"):
        send(chip, form(to=chat_id))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"id": ""}, "neither a number nor a UUID"),
        ({"id": "{{uuid}}"}, "neither a number nor a UUID"),
        ({"id": "0"}, "neither a number nor a UUID"),
        ({"id": str(2**63)}, "neither a number nor a UUID"),
        ({"to": ["a", "b"]}, "to more than once"),
        ({"quick_reply": ["x"] * 300}, "more than 200 fields"),
        ({"text": b"\xff"}, "UTF-8"),
    ],
)
def test_a_form_that_is_none_is_refused_for_good(chip, changes, complaint):
    with pytest.raises(Refused, match=complaint):
        send(chip, form(**changes))


def test_a_message_that_is_not_in_the_database_may_be_there_later(chip):
    with pytest.raises(Unavailable, match="not in the database"):
        send(chip)


def test_a_visitor_whom_the_database_does_not_know_may_be_there_later(chip):
    row(chip)
    with pytest.raises(Unavailable, match="not in the database"):
        send(chip, form(to="65vbbDAQCdPdEWlEhDGy4utX"))


def test_a_message_to_somebody_else_is_not_shown(chip):
    other = Contact(99, 99, "65vbbDAQCdPdEWlEhDGy4utX")
    chip.store.contacts[1, other.chat_id] = other
    row(chip, contact=other)
    with pytest.raises(Unavailable):
        send(chip)


def test_a_chat_that_rapidpro_has_moved_is_found_at_its_new_contact(chip):
    row(chip)
    send(chip)
    moved = Contact(99, BOB.urn_id, BOB.chat_id)
    chip.store.contacts[1, BOB.chat_id] = moved
    row(chip, contact=moved, uuid=UUID)
    send(chip, form(id=UUID))
    assert len(waiting(chip)) == 2


def test_while_the_database_is_away_nothing_is_refused_for_good(chip):
    row(chip)
    send(chip)
    chip.store.away = True
    with pytest.raises(Unavailable):
        send(chip)


def test_a_full_outbox_says_so():
    chip = external_chip(outbox_messages=1)
    row(chip)
    send(chip)
    row(chip, uuid=UUID)
    with pytest.raises(QueueFull):
        send(chip, form(id=UUID))


# What visitors do.


def test_a_chat_starts_at_once_though_courier_is_away(chip):
    chip.gateway.starts_fail = True
    visitor = chip.visitor(channel=EXTERNAL)
    visitor.says(start())
    assert visitor.hears_one()["type"] == "chat_started"
    assert chip.gateway.starts == []


def test_one_event_goes_in_a_request(chip):
    visitor = chip.visitor(channel=EXTERNAL)
    visitor.says(start())
    visitor.hears()
    for text in ("one", "two", "three"):
        visitor.says(say(text))
    # The others wait together while the first is under way.
    for text in ("one", "two", "three"):
        request = chip.gateway.take()
        assert request.texts == [text]
        request.handle(text)


def test_history_is_there_once_the_first_message_has_made_the_contact(chip):
    visitor = chip.visitor(channel=EXTERNAL)
    visitor.says(start())
    chat_id = visitor.hears_one()["chat_id"]
    ask = {"type": "get_history", "before": "2100-01-01T00:00:00Z"}
    visitor.says(ask)
    assert visitor.hears_one()["history"] == []
    chip.store.contacts[1, chat_id] = Contact(99, 99, chat_id)
    chip.store.said(99, "hello", NOW, MESSAGE)
    visitor.says(ask)
    assert len(visitor.hears_one()["history"]) == 1


def test_an_email_that_is_left_after_the_first_message_is_written_at_once(chip):
    visitor = chip.visitor(channel=EXTERNAL)
    visitor.says(start())
    chat_id = visitor.hears_one()["chat_id"]
    chip.store.contacts[1, chat_id] = Contact(99, 99, chat_id)
    visitor.says({"type": "set_email", "email": "bob@example.com"})
    assert chip.store.contacts[1, chat_id].email == "bob@example.com"


def test_visitors_who_have_said_nothing_come_back_as_often_as_they_like():
    chip = external_chip(vain_lookups_burst=3)
    visitor = chip.visitor(channel=EXTERNAL)
    visitor.says(start())
    chat_id = visitor.hears_one()["chat_id"]
    for _ in range(10):
        again = chip.visitor(channel=EXTERNAL)
        again.says(start(chat_id))
        assert again.hears_one()["type"] == "chat_resumed"


def test_a_visitor_who_has_said_nothing_is_known_for_90_days(chip):
    visitor = chip.visitor(channel=EXTERNAL)
    visitor.says(start())
    chat_id = visitor.hears_one()["chat_id"]
    for days, answer in ((89, "chat_resumed"), (2, "chat_started")):
        chip.clock.advance(days * 86_400)
        again = chip.visitor(channel=EXTERNAL)
        again.says(start(chat_id))
        assert again.hears_one()["type"] == answer


def test_what_waits_at_courier_for_the_channel_before_is_taken_under_its_own_secret(chip):
    """The External channel has its id now, as far as pages are concerned."""
    chip.store.channels["before"] = CHANNEL
    chip.store.channels[CHANNEL.uuid] = Channel(CHANNEL.uuid, 1, BEARER, UUID)
    chip.send(text="still on its way")
    (item,) = chip.queues.chats[ChatKey(BOB.chat_id, CHANNEL.uuid)].items
    assert msgspec.json.decode(item.item.msg_out)["text"] == "still on its way"
    with pytest.raises(WrongSecret):
        chip.send(secret=BEARER)
