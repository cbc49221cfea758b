"""The stand-in Courier: the contract, its habits, and the faults it can be told to show."""

import threading
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.web.resource import Resource
from twisted.web.server import Site

from tests.support.courier import Courier
from tests.support.fetch import Response, fetch
from tests.support.rapidpro import Channel, chat_id

STARTED = {"type": "chat_started"}


@pytest.fixture(scope="module", params=["10.2", "26.0", "26.2"])
def url(request, postgres):
    return postgres.create_database(request.param)


@pytest.fixture
def courier(shared):
    shared.clear()
    yield shared
    shared.heal()
    shared.configure(era="", repeat_window=4)


@pytest.fixture
def channel(rapidpro):
    return rapidpro.channel(rapidpro.org())


class Queue(Resource):
    """What Chip's send is like, inside this reactor."""

    isLeaf = True

    def render_POST(self, request):
        return b'{"status":"queued"}'


def said(text):
    return {"type": "msg_in", "msg": {"text": text}}


def delivered(**message):
    return {"type": "msg_status", "status": {**message, "status": "delivered"}}


def tell(courier, channel, chat, *events, secret="sesame") -> Response:
    body = {"chat_id": chat, "secret": secret, "events": list(events)}
    address = f"http://{courier.domain}/c/chp/{channel.uuid}/receive"
    return fetch(address, method="POST", body=body)


def test_a_started_chat_becomes_a_contact_and_what_is_said_a_message(courier, rapidpro, channel):
    chat = chat_id()

    answer = tell(courier, channel, chat, STARTED, said("hello"))

    contact = rapidpro.find_contact(channel.org, chat)
    [message] = rapidpro.messages(contact)
    assert (answer.status, answer.json["message"]) == (200, "Events Handled")
    assert [entry["type"] for entry in answer.json["data"]] == ["event", "msg"]
    assert answer.json["data"][1]["msg_uuid"] == str(message["uuid"])
    assert (message["text"], message["channel_id"], message["visibility"]) == (
        "hello",
        channel.id,
        "V",
    )


def test_a_chat_that_is_started_twice_stays_one_contact(courier, rapidpro, channel):
    chat = chat_id()
    tell(courier, channel, chat, STARTED)
    first = rapidpro.find_contact(channel.org, chat)

    assert tell(courier, channel, chat, STARTED).status == 200

    assert rapidpro.find_contact(channel.org, chat) == first


def test_what_is_refused_says_why_in_couriers_words(courier, channel):
    wrong_secret = tell(courier, channel, chat_id(), STARTED, secret="wrong")
    unknown = tell(courier, channel, chat_id(), {"type": "dance"})
    elsewhere = fetch(f"http://{courier.domain}/c/chp/", method="POST", body={})
    nonsense = fetch(
        f"http://{courier.domain}/c/chp/{channel.uuid}/receive", method="POST", body=b"{"
    )

    assert [a.status for a in (wrong_secret, unknown, nonsense, elsewhere)] == [400, 400, 400, 404]
    assert wrong_secret.json == {
        "message": "Error",
        "data": [{"type": "error", "error": "secret incorrect"}],
    }


def test_events_before_a_failing_one_have_happened(courier, channel):
    chat = chat_id()

    answer = tell(courier, channel, chat, said("one"), {"type": "dance"}, said("two"))

    assert answer.status == 400
    assert courier.texts(chat) == ["one"]


def test_the_same_text_within_four_seconds_is_dropped_and_answered_alike(
    courier, rapidpro, channel
):
    chat = chat_id()

    first, second = tell(courier, channel, chat, said("hi"), said("hi")).json["data"]
    courier.configure(advance=4)
    third = tell(courier, channel, chat, said("hi")).json["data"][0]

    assert first["msg_uuid"] == second["msg_uuid"] != third["msg_uuid"]
    assert len(rapidpro.messages(rapidpro.find_contact(channel.org, chat))) == 2
    assert courier.texts(chat) == ["hi", "hi"]
    assert len(courier.events(chat)) == 3


def test_the_next_event_of_a_visitor_wipes_the_email(courier, rapidpro, channel):
    contact = rapidpro.contact(channel.org, email="bob@example.com")

    tell(courier, channel, contact.chat_id, said("hi"))

    assert rapidpro.email(contact) is None


@pytest.mark.parametrize("era", ["id", "uuid"])
def test_a_message_is_sent_reported_and_marked_in_either_era(courier, rapidpro, channel, chip, era):
    contact = rapidpro.contact(channel.org)
    courier.configure(chip=chip.url, era=era)

    sent = courier.send(channel, contact.chat_id, "yes?", quick_replies=["a", "b"], origin="ticket")
    wired = rapidpro.status(sent["id"])
    name, other = ("msg_id", "msg_uuid") if era == "id" else ("msg_uuid", "msg_id")
    misnamed = tell(courier, channel, contact.chat_id, delivered(**{other: sent[other[4:]]}))
    tell(courier, channel, contact.chat_id, delivered(**{name: sent[name[4:]]}))

    assert (sent["became"], sent["status"], wired) == ("sent", 200, "W")
    assert misnamed.status == 400
    assert list(sent["payload"]["msg"]) == [era, "text", "quick_replies", "origin"]
    assert rapidpro.status(sent["id"]) == "D"


def test_a_message_fails_for_good_on_4xx_and_is_retried_on_5xx_when_told(
    courier, rapidpro, channel, chip
):
    contact = rapidpro.contact(channel.org)
    courier.configure(chip=chip.url)
    chip.answers += [404, 503, 500]

    refused = courier.send(channel, contact.chat_id)
    errored = courier.send(channel, contact.chat_id)
    before = rapidpro.status(errored["id"])
    again = [courier.retry(), courier.retry(), courier.retry()]

    assert (refused["became"], rapidpro.status(refused["id"])) == ("failed", "F")
    assert (errored["became"], before) == ("errored", "E")
    assert [[one["became"] for one in round] for round in again] == [["errored"], ["sent"], []]
    assert rapidpro.status(errored["id"]) == "W"


def test_many_messages_go_out_and_one_again(courier, rapidpro, channel, chip):
    contacts = [rapidpro.contact(channel.org) for _ in range(3)]
    courier.configure(chip=chip.url)

    results = courier.send_many(
        [{"channel": channel, "chat": contact.chat_id} for contact in contacts * 2]
    )
    copies = courier.again(results[0], copies=3)

    assert [one["status"] for one in results] == [200] * 6
    assert [one["status"] for one in copies] == [200] * 3


def test_faults_strike_as_often_as_told_and_only_whom_they_should(courier, channel):
    poor, lucky = chat_id(), chat_id()
    courier.fail(503, times=2, chat=poor)

    assert [tell(courier, channel, chat, STARTED).status for chat in (poor, lucky, poor, poor)] == [
        503,
        200,
        503,
        200,
    ]


def test_a_connection_can_be_closed_before_or_after_the_work(courier, channel):
    chat = chat_id()

    courier.hang_up(times=1)
    with pytest.raises(OSError):
        tell(courier, channel, chat, said("one"))
    courier.hang_up(times=1, work=True)
    with pytest.raises(OSError):
        tell(courier, channel, chat, said("two"))

    assert courier.texts(chat) == ["two"]
    assert [request["status"] for request in courier.requests(chat)] == [-1, -1]


def test_a_fault_can_wait_for_one_event(courier, channel):
    chat = chat_id()
    courier.fail(500, text="poison")

    assert tell(courier, channel, chat, said("one"), said("poison")).status == 500
    assert tell(courier, channel, chat, said("three")).status == 200

    assert courier.texts(chat) == ["one", "three"]


def test_a_deaf_courier_refuses_connections_until_healed(courier, channel):
    courier.deaf()
    with pytest.raises(OSError):
        tell(courier, channel, chat_id(), STARTED)

    courier.heal()

    assert tell(courier, channel, chat_id(), STARTED).status == 200


def test_whoever_waits_for_events_is_told_of_them_or_that_they_did_not_come(courier, channel):
    chat = chat_id()
    teller = threading.Thread(target=tell, args=(courier, channel, chat, said("hi")))
    teller.start()

    courier.wait(1, chat, "msg_in")
    teller.join()
    with pytest.raises(TimeoutError):
        courier.wait(2, chat, timeout=0.01)

    assert courier.stats()["events"] == {"msg_in": 1}


def test_it_comes_back_after_the_database_was_restarted(courier, channel, postgres):
    tell(courier, channel, chat_id(), STARTED)

    postgres.restart()

    assert tell(courier, channel, chat_id(), STARTED).status == 200


def test_a_message_for_a_visitor_waits_for_the_database(courier, channel, chip, rapidpro, postgres):
    contact = rapidpro.contact(channel.org)
    courier.configure(chip=chip.url)
    postgres.stop()
    sending = ThreadPoolExecutor(1).submit(courier.send, channel, contact.chat_id)
    with pytest.raises(FutureTimeout):
        sending.result(0.05)

    postgres.start()

    assert sending.result(10)["became"] == "sent"


def test_any_body_can_be_posted_while_the_database_is_away(courier, channel, chip, postgres):
    courier.configure(chip=chip.url)
    postgres.stop()

    [posted] = courier.post(channel, {"secret": "sesame"})
    postgres.start()

    assert posted["status"] == 200
    assert chip.asked[0].body == b'{"secret": "sesame"}'


def test_for_a_benchmark_it_makes_contacts_but_writes_no_messages(url, rapidpro, channel):
    chat = chat_id()
    with Courier(url, messages=False) as courier:
        assert tell(courier, channel, chat, STARTED, said("hi")).status == 200
        assert courier.stats()["events"] == {"chat_started": 1, "msg_in": 1}

    assert rapidpro.messages(rapidpro.find_contact(channel.org, chat)) == []
    assert "Traceback" not in courier.log()


def test_without_a_database_it_knows_every_channel_and_one_secret():
    channel = Channel(1, 1, "7d62d551-3030-4100-a260-2d7c4e9693e7", "hush")
    with Courier(secret="hush") as courier:
        right = tell(courier, channel, "anybody", STARTED, said("hi"), secret="hush")
        wrong = tell(courier, channel, "anybody", STARTED, secret="sesame")

        assert (right.status, wrong.status) == (200, 400)
        assert courier.texts("anybody") == ["hi"]


@pytest_twisted.ensureDeferred
async def test_a_server_in_this_reactor_is_reached_from_apart(courier, channel, rapidpro):
    chat = rapidpro.contact(channel.org).chat_id
    site = Site(Queue())
    site.noisy = False
    port = reactor.listenTCP(0, site, interface="127.0.0.1")
    chip = f"http://127.0.0.1:{port.getHost().port}"

    sent = await courier.apart.send(channel, chat, "hi", chip=chip)

    assert (sent["body"], sent["became"]) == ({"status": "queued"}, "sent")
    await courier.apart.let_go()
    await port.stopListening()
