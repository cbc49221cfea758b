"""The stand-in Courier and the reports that it takes for External channels."""

import contextlib

import pytest

from tests.support.courier import Courier
from tests.support.external_forms import refusal, tell
from tests.support.fetch import fetch
from tests.support.rapidpro import Rapidpro
from tests.support.scripted_http import ScriptedHttp

UNKNOWN = "01a2139e-c365-76c2-97fd-53bb20bc6da5"


@pytest.fixture(scope="module", params=["10.2", "26.0", "26.2"])
def url(request, postgres):
    return postgres.create_database(request.param)


@pytest.fixture(scope="module")
def shared(url):
    with Courier(url) as courier, ScriptedHttp() as chip:
        courier.configure(chip=chip.url)
        yield courier


@pytest.fixture
def courier(shared):
    shared.clear()
    yield shared
    shared.heal()
    shared.configure(era="", status_window=0, spool_interval=0.5)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(("action", "mark"), [("sent", "S"), ("delivered", "D"), ("failed", "F")])
def test_a_report_marks_the_message(courier, rapidpro, channel, bob, action, mark, method):
    sent = courier.send(channel, bob.chat_id)

    answer = tell(courier, channel, action, method, id=sent["uuid"])

    data = [{"type": "status", "channel_uuid": channel.uuid, "status": mark}]
    assert (answer.status, answer.json) == (
        200,
        {"message": "Status Update Accepted", "data": data},
    )
    assert rapidpro.status(sent["id"]) == mark


def test_there_is_no_report_that_it_was_read(courier, channel):
    assert tell(courier, channel, "read", id="1").status == 404


def test_10_2_takes_a_number_and_says_it_again(courier, rapidpro, channel, bob):
    courier.configure(release="10.2")
    sent = courier.send(channel, bob.chat_id)

    answer = tell(courier, channel, "delivered", id=sent["id"])

    assert answer.json["data"][0]["msg_id"] == sent["id"]
    assert rapidpro.status(sent["id"]) == "D"
    assert courier.statuses(bob.chat_id) == [{"status": "delivered", "msg_id": sent["id"]}]


def test_10_2_takes_no_uuid(courier, channel):
    courier.configure(release="10.2")

    by_id = tell(courier, channel, "delivered", id=UNKNOWN)
    by_uuid = tell(courier, channel, "delivered", uuid=UNKNOWN)

    assert refusal(by_id) == 'schema: error converting value for "id"'
    assert refusal(by_uuid) == "field 'id' required"


@pytest.mark.parametrize("release", ["26.2", "26.3"])
def test_later_releases_take_a_uuid_by_either_name(courier, rapidpro, channel, bob, release):
    courier.configure(release=release)
    sent = [courier.send(channel, bob.chat_id) for _ in range(2)]

    tell(courier, channel, "delivered", id=sent[0]["uuid"])
    tell(courier, channel, "delivered", uuid=sent[1]["uuid"])

    assert [rapidpro.status(one["id"]) for one in sent] == ["D", "D"]
    assert courier.statuses(bob.chat_id) == [
        {"status": "delivered", "msg_uuid": one["uuid"]} for one in sent
    ]


@pytest.mark.parametrize("release", ["26.2", "26.3"])
def test_later_releases_take_no_number(courier, channel, release):
    courier.configure(release=release)

    assert refusal(tell(courier, channel, "delivered", id="30003")) == (
        "parsing failed: id '30003' and uuid '' are not valid UUIDs"
    )


@pytest.mark.parametrize(("release", "unknown"), [("10.2", "999999"), ("26.2", UNKNOWN)])
def test_a_report_about_an_unknown_message_is_taken(courier, channel, release, unknown):
    courier.configure(release=release)

    assert tell(courier, channel, "delivered", id=unknown).status == 200


def test_a_report_in_json_is_not_read(courier, channel):
    url = f"http://{courier.domain}/c/ex/{channel.uuid}/delivered"

    answer = fetch(url, method="POST", body={"id": UNKNOWN})

    assert refusal(answer) == "parsing failed: id '' and uuid '' are not valid UUIDs"


def test_another_channel_marks_nothing(courier, rapidpro, channel, bob):
    sent = courier.send(channel, bob.chat_id)
    other = rapidpro.external_channel(channel.org)

    assert tell(courier, other, "delivered", id=sent["uuid"]).status == 200

    assert rapidpro.status(sent["id"]) == "W"


def test_a_failure_after_delivery_is_taken(courier, rapidpro, channel, bob):
    sent = courier.send(channel, bob.chat_id)

    tell(courier, channel, "delivered", id=sent["uuid"])
    tell(courier, channel, "failed", id=sent["uuid"])

    assert rapidpro.status(sent["id"]) == "F"


def test_of_two_statuses_in_one_batch_wired_wins_and_a_later_one_stays(
    courier, rapidpro, channel, bob
):
    courier.configure(status_window=60)
    sent = courier.send(channel, bob.chat_id)
    tell(courier, channel, "delivered", id=sent["uuid"])
    courier.write_statuses()
    assert rapidpro.status(sent["id"]) == "W"

    tell(courier, channel, "delivered", id=sent["uuid"])
    courier.write_statuses()

    assert rapidpro.status(sent["id"]) == "D"


def test_what_is_sent_again_is_wired_once_more(courier, rapidpro, channel, bob):
    sent = courier.send(channel, bob.chat_id)
    tell(courier, channel, "delivered", id=sent["uuid"])

    courier.deliver_again(sent)

    assert rapidpro.status(sent["id"]) == "W"


def test_a_report_is_taken_while_the_database_is_away(postgres, courier, channel, bob, url):
    sent = courier.send(channel, bob.chat_id)
    courier.configure(spool_interval=60)
    postgres.stop()

    answer = tell(courier, channel, "delivered", id=sent["uuid"])
    postgres.start()
    courier.write_spooled()

    assert answer.status == 200
    with contextlib.closing(Rapidpro.open(url)) as again:
        assert again.status(sent["id"]) == "D"


def test_faults_strike_reports_and_messages_by_their_chat(courier, channel, bob):
    sent = courier.send(channel, bob.chat_id)
    courier.fail(503, times=1, chat=bob.chat_id, event="msg_status")
    courier.hang_up(times=1, work=True, text="hello")

    statuses = [tell(courier, channel, "delivered", id=sent["uuid"]).status for _ in range(2)]
    with pytest.raises(OSError):
        tell(courier, channel, from_=bob.chat_id, text="hello")

    assert statuses == [503, 200]
    assert courier.texts(bob.chat_id) == ["hello"]
    courier.wait(1, bob.chat_id, "msg_status")
