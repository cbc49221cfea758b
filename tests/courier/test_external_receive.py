"""The stand-in Courier and External channels: what it takes, in which words, and its habits."""

import contextlib
import datetime

import pytest

from tests.support.external_forms import FORM, channel_url, post, refusal, taken, tell
from tests.support.fetch import fetch
from tests.support.rapidpro import Rapidpro, chat_id

NOBODY = "7d62d551-3030-4100-a260-2d7c4e9693e7"


@pytest.fixture
def courier(shared):
    shared.clear()
    yield shared
    shared.heal()
    shared.configure(era="", full=False, spool_interval=0.5, repeat_window=4)


def texts(rapidpro, channel, chat) -> list[str]:
    contact = rapidpro.find_contact(channel.org, chat)
    return [row["text"] for row in rapidpro.messages(contact)] if contact else []


# receive


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_message_is_stored_and_answered_with_its_uuid(courier, rapidpro, channel, method):
    chat = chat_id()

    entry = taken(tell(courier, channel, method=method, from_=chat, text="hello"))

    [row] = rapidpro.messages(rapidpro.find_contact(channel.org, chat))
    assert entry["msg_uuid"] == str(row["uuid"])
    assert (entry["channel_uuid"], entry["urn"]) == (channel.uuid, f"webchat:{chat}")
    assert (row["text"], row["channel_id"], row["direction"]) == ("hello", channel.id, "I")
    assert courier.texts(chat) == ["hello"]
    assert courier.requests(chat)[0]["form"] == {"from": chat, "text": "hello"}


def test_a_multipart_form_is_read_too(courier, channel):
    chat = chat_id()
    parts = "".join(
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in (("from", chat), ("text", "hé"))
    )

    answer = post(
        channel_url(courier, channel),
        f"{parts}--x--\r\n".encode(),
        "multipart/form-data; boundary=x",
    )

    assert taken(answer)["text"] == "hé"


def test_sender_is_another_name_for_from_and_white_space_around_it_is_dropped(courier, channel):
    chat = chat_id()

    assert taken(tell(courier, channel, sender=f" {chat}\n"))["urn"] == f"webchat:{chat}"


def test_a_message_may_be_empty(courier, rapidpro, channel):
    missing, empty = chat_id(), chat_id()

    taken(tell(courier, channel, from_=missing))
    taken(tell(courier, channel, from_=empty, text=""))

    assert texts(rapidpro, channel, missing) == texts(rapidpro, channel, empty) == [""]


def test_nuls_are_removed_and_what_is_not_utf8_becomes_one_sign(courier, channel):
    body = f"from={chat_id()}&text=a%00b%FF%FE%FFc".encode()

    assert taken(post(channel_url(courier, channel), body, FORM))["text"] == "ab\ufffdc"


def test_a_text_of_3_mb_is_stored_as_it_was_sent(courier, rapidpro, channel):
    chat, text = chat_id(), "x" * 3_000_000

    taken(tell(courier, channel, from_=chat, text=text))

    assert texts(rapidpro, channel, chat) == [text]


def test_a_form_above_10_mb_is_refused(courier, channel):
    answer = tell(courier, channel, from_=chat_id(), text="x" * (10 << 20))

    assert refusal(answer) == "invalid request: http: POST too large"


@pytest.mark.parametrize("name", ["date", "time"])
def test_a_date_sets_when_it_was_sent_but_not_when_it_was_made(courier, rapidpro, channel, name):
    chat = chat_id()

    entry = taken(
        tell(courier, channel, from_=chat, **{name: "2001-02-03T04:05:06.123456789+01:00"})
    )

    [row] = rapidpro.messages(rapidpro.find_contact(channel.org, chat))
    assert entry["received_on"] == "2001-02-03T04:05:06.123456+01:00"
    assert row["sent_on"] == datetime.datetime(2001, 2, 3, 3, 5, 6, 123456, datetime.UTC)
    assert row["created_on"].year > 2001


@pytest.mark.parametrize("date", ["yesterday", "2001-02-03", "2001-02-03T04:05:06"])
def test_a_date_that_is_not_rfc_3339_with_a_zone_is_refused(courier, channel, date):
    answer = tell(courier, channel, from_=chat_id(), text="hi", date=date)

    assert refusal(answer) == "invalid date format, must be RFC 3339"


def test_other_fields_are_ignored(courier, rapidpro, channel):
    chat = chat_id()

    taken(tell(courier, channel, from_=chat, text="hi", external_id="1", email="a@b.example"))

    contact = rapidpro.find_contact(channel.org, chat)
    assert rapidpro.email(contact) is None


def test_a_json_body_is_not_read(courier, channel):
    answer = fetch(
        channel_url(courier, channel), method="POST", body={"from": chat_id(), "text": "hi"}
    )

    assert refusal(answer) == "must have one of 'sender' or 'from' set"


def test_a_get_without_fields_tells_that_domain_type_and_channel_are_right(courier, channel):
    assert refusal(tell(courier, channel, method="GET")) == (
        "must have one of 'sender' or 'from' set"
    )
    assert courier.requests()[0]["events"] == []


@pytest.mark.parametrize("wrong", ["short", "x" * 25, "é" * 24, f"{'x' * 24}:bob"])
def test_what_is_no_chat_id_is_refused(courier, channel, wrong):
    answer = tell(courier, channel, from_=wrong, text="hi")

    assert refusal(answer) == "invalid path component"


def test_an_unknown_or_inactive_channel_is_not_found(courier, rapidpro):
    inactive = rapidpro.external_channel(rapidpro.org(), active=False)

    answers = [tell(courier, one, from_=chat_id(), text="hi") for one in (NOBODY, inactive)]

    assert [refusal(answer) for answer in answers] == ["channel not found"] * 2


def test_a_channel_of_another_type_is_of_the_wrong_type(courier, rapidpro):
    webchat = rapidpro.channel(rapidpro.org())

    assert refusal(tell(courier, webchat, method="GET")) == "channel type wrong"


def test_the_other_kind_of_route_refuses_an_external_channel(courier, channel):
    body = {"chat_id": chat_id(), "secret": channel.secret, "events": []}
    url = f"http://{courier.domain}/c/chp/{channel.uuid}/receive"

    assert refusal(fetch(url, method="POST", body=body)) == "channel type wrong"


@pytest.mark.parametrize(
    "path", ["c/ex/x/receive", f"c/ex/{NOBODY}/read", f"c/tg/{NOBODY}/receive"]
)
def test_an_unknown_route_is_not_found(courier, path):
    answer = fetch(f"http://{courier.domain}/{path}")

    assert (answer.status, answer.json["message"]) == (404, "Not Found")


def test_the_newest_release_has_no_route_for_webchat_channels(courier, rapidpro, channel):
    courier.configure(release="26.3")
    old = rapidpro.channel(rapidpro.org())

    gone = fetch(f"http://{courier.domain}/c/chp/{old.uuid}/receive", method="POST", body={})

    assert gone.status == 404
    assert refusal(tell(courier, channel)).startswith("must have")


def test_a_full_workspace_ignores_whom_it_does_not_know_and_stores_nothing(
    courier, rapidpro, channel
):
    known, stranger = rapidpro.contact(channel.org).chat_id, chat_id()
    courier.configure(full=True)

    taken(tell(courier, channel, from_=known, text="hi"))
    answer = tell(courier, channel, from_=stranger, text="hi")

    assert (answer.status, answer.json["message"]) == (200, "Ignored")
    assert [entry["type"] for entry in answer.json["data"]] == ["info"]
    assert rapidpro.find_contact(channel.org, stranger) is None
    assert courier.texts(stranger) == []
    courier.configure(full=False)
    taken(tell(courier, channel, from_=stranger, text="hi"))


def test_while_the_database_is_away_messages_are_taken_and_stored_behind_what_is_said_meanwhile(
    postgres, courier, rapidpro, channel, url
):
    chat = chat_id()
    taken(tell(courier, channel, from_=chat, text="before"))
    courier.configure(spool_interval=60)
    postgres.stop()

    spooled = taken(tell(courier, channel, from_=chat, text="away"))
    postgres.start()
    taken(tell(courier, channel, from_=chat, text="back"))

    with contextlib.closing(Rapidpro.open(url)) as again:
        assert texts(again, channel, chat) == ["before", "back"]
        courier.write_spooled()
        rows = again.messages(again.find_contact(channel.org, chat))
    assert [row["text"] for row in rows] == ["before", "back", "away"]
    assert str(rows[2]["uuid"]) == spooled["msg_uuid"]


def test_without_the_database_a_channel_is_known_for_the_rest_of_its_minute_and_then_refused(
    postgres, courier, channel
):
    chat = chat_id()
    taken(tell(courier, channel, from_=chat, text="before"))
    postgres.stop()

    taken(tell(courier, channel, from_=chat, text="away"))
    courier.configure(advance=60)
    refused = tell(courier, channel, from_=chat, text="still away")
    postgres.start()

    assert refusal(refused).startswith("dial tcp")
    taken(tell(courier, channel, from_=chat, text="back"))


def test_the_same_text_again_is_dropped_and_answered_with_the_first_uuid(
    courier, rapidpro, channel
):
    chat = chat_id()
    courier.configure(repeat_window=60)  # A busy machine may take longer than 4 s for two.

    first = taken(tell(courier, channel, from_=chat, text="hi"))
    again = taken(tell(courier, channel, from_=chat, text="hi", date="2026-01-01T00:00:00Z"))
    courier.configure(advance=60)
    later = taken(tell(courier, channel, from_=chat, text="hi"))

    assert first["msg_uuid"] == again["msg_uuid"] != later["msg_uuid"]
    assert texts(rapidpro, channel, chat) == ["hi", "hi"]


def test_the_same_text_is_news_when_something_was_sent_meanwhile(courier, rapidpro, channel, chip):
    chat = chat_id()
    courier.configure(chip=chip.url)

    first = taken(tell(courier, channel, from_=chat, text="hi"))
    courier.send(channel, chat, "yes?")
    second = taken(tell(courier, channel, from_=chat, text="hi"))

    assert first["msg_uuid"] != second["msg_uuid"]


def test_the_first_message_makes_the_contact_and_no_event_is_made(courier, rapidpro, channel):
    chat = chat_id()

    taken(tell(courier, channel, from_=chat, text="hi"))

    contact = rapidpro.find_contact(channel.org, chat)
    [row] = rapidpro.rows("SELECT * FROM contacts_contact WHERE id = %s", contact.id)
    [urn] = rapidpro.rows("SELECT * FROM contacts_contacturn WHERE id = %s", contact.urn)
    assert (row["name"], row["status"]) == (None, "A")
    assert (urn["display"], urn["channel_id"]) == (None, channel.id)
    assert [event["type"] for event in courier.events(chat)] == ["msg_in"]


def test_a_chat_id_with_an_email_is_another_contact(courier, rapidpro, channel):
    chat = chat_id()

    for sender in (chat, f"{chat}:bob@example.com"):
        taken(tell(courier, channel, from_=sender, text="hi"))

    contacts = [
        rapidpro.find_contact(channel.org, one).id for one in (chat, f"{chat}:bob@example.com")
    ]
    assert contacts[0] != contacts[1]


def test_every_message_wipes_the_email_out_of_the_urn(courier, rapidpro, channel):
    bob = rapidpro.contact(channel.org, email="bob@example.com")

    taken(tell(courier, channel, from_=bob.chat_id, text="hi"))

    assert rapidpro.email(bob) is None


def test_a_visitor_of_a_webchat_channel_keeps_his_contact_and_his_urn_moves(
    courier, rapidpro, channel
):
    old = rapidpro.channel(channel.org)
    bob = rapidpro.contact(channel.org)
    rapidpro.update("contacts_contacturn", bob.urn, channel_id=old.id)

    taken(tell(courier, channel, from_=bob.chat_id, text="hi"))

    [urn] = rapidpro.rows("SELECT channel_id FROM contacts_contacturn WHERE id = %s", bob.urn)
    assert urn["channel_id"] == channel.id
    assert rapidpro.find_contact(channel.org, bob.chat_id).id == bob.id


def test_sixty_messages_in_a_row_are_taken_in_order(courier, rapidpro, channel):
    chat = chat_id()
    said = [f"number {number}" for number in range(60)]

    for text in said:
        taken(tell(courier, channel, from_=chat, text=text))

    assert texts(rapidpro, channel, chat) == said


def test_whoever_stops_is_stopped(courier, rapidpro, channel):
    bob = rapidpro.contact(channel.org)

    answer = tell(courier, channel, "stopped", from_=bob.chat_id)
    nobody = tell(courier, channel, "stopped")

    [row] = rapidpro.rows("SELECT status FROM contacts_contact WHERE id = %s", bob.id)
    assert (answer.status, answer.json["data"][0]["event_type"]) == (200, "stop_contact")
    assert row["status"] == "S"
    assert refusal(nobody) == "field 'from' required"
