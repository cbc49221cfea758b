"""The stand-in Courier sending on External channels: what each answer of Chip does."""

import contextlib
import json
import time

import pytest

from tests.support.courier import Courier
from tests.support.external_forms import tell
from tests.support.process import free_port
from tests.support.rapidpro import Rapidpro
from tests.support.scripted_http import Reply, ScriptedHttp

QUEUED = {"status": "queued"}


@pytest.fixture
def courier(shared, chip):
    shared.clear()
    shared.configure(chip=chip.url)
    yield shared
    shared.retry()
    shared.retry()
    shared.let_go()
    shared.configure(era="", disallows=False, patience=30)


@pytest.fixture
def channel(rapidpro):
    return rapidpro.external_channel(rapidpro.org(), max_length=60)


def what_became(rapidpro, sent):
    return sent["became"], rapidpro.status(sent["id"])


@pytest.mark.parametrize("generation", ["10.2", "26.0", "26.2"])
def test_a_message_is_posted_to_the_send_url_and_wired(postgres, chip, generation):
    url = postgres.create_database(generation)
    with contextlib.closing(Rapidpro.open(url)) as rapidpro, Courier(url, chip=chip.url) as courier:
        channel = rapidpro.external_channel(rapidpro.org())
        bob = rapidpro.contact(channel.org)
        attachments = ["image/png:https://x.example/a.png"]

        sent = courier.send(
            channel,
            bob.chat_id,
            "hi",
            attachments=attachments,
            quick_replies=["a", ["b", "extra"]],
        )

        [row] = rapidpro.messages(bob, "O")
        assert (sent["became"], sent["status"], sent["body"]) == ("sent", 200, QUEUED)
        assert (row["status"], row["text"], row["attachments"]) == ("W", "hi", attachments)
    [asked] = chip.asked
    assert (asked.method, asked.path) == ("POST", "/wc/external")
    assert asked.headers["authorization"] == channel.secret == "Bearer sesame"
    assert asked.form == [
        ("id", sent["uuid"]),
        ("to", bob.chat_id),
        ("text", "hi\nhttps://x.example/a.png"),
        ("channel", channel.uuid),
        ("quick_reply", "a"),
        ("quick_reply", "b"),
    ]


def test_10_2_names_messages_by_their_number(courier, chip, channel, bob):
    courier.configure(release="10.2")

    sent = courier.send(channel, bob.chat_id)

    assert chip.asked[0].form[0] == ("id", str(sent["id"]))
    assert chip.asked[0].headers["user-agent"] == "Courier/10.2.0"


def test_a_url_on_this_machine_is_used_as_it_is(courier, chip, rapidpro):
    with ScriptedHttp() as other:
        channel = rapidpro.external_channel(rapidpro.org(), send_url=f"{other.url}/x?c={{{{to}}}}")
        bob = rapidpro.contact(channel.org)

        courier.send(channel, bob.chat_id)
        courier.send(channel, bob.chat_id, chip=chip.url)

        assert [one.path for one in other.asked] == [f"/x?c={bob.chat_id}"]
    assert [one.path for one in chip.asked] == [f"/x?c={bob.chat_id}"]


def test_parts_go_one_after_the_other_and_their_answers_are_returned(courier, chip, channel, bob):
    sent = courier.send(channel, bob.chat_id, "x" * 150, quick_replies=["a"])

    assert [answer["status"] for answer in sent["answers"]] == [200] * 3
    assert [dict(one.form)["text"] for one in chip.asked] == ["x" * 60, "x" * 60, "x" * 30]
    assert {dict(one.form)["id"] for one in chip.asked} == {sent["uuid"]}
    assert ["quick_reply" in dict(one.form) for one in chip.asked] == [False, False, True]


def test_messages_of_one_step_go_with_a_pause(courier, channel, bob):
    sends = [{"channel": channel, "chat": bob.chat_id, "text": text} for text in "ab"]

    began = time.monotonic()
    courier.send_many(sends, pause=0.3)

    assert time.monotonic() - began >= 0.3


def test_messages_that_are_queued_separately_may_arrive_in_another_order(
    courier, chip, channel, bob
):
    sends = [
        {"channel": channel, "chat": bob.chat_id, "text": f"number {number}"}
        for number in range(20)
    ]

    courier.send_many(sends, ordered=False)

    texts = [dict(one.form)["text"] for one in chip.asked]
    said = [one["text"] for one in sends]
    assert sorted(texts) == sorted(said)
    assert texts != said


def test_a_2xx_without_what_the_response_check_wants_is_a_failure(courier, chip, rapidpro, bob):
    checking = rapidpro.external_channel(bob.org, response_check="queued")
    trusting = rapidpro.external_channel(bob.org, response_check="")
    chip.answers += [Reply(200, b"<html>welcome</html>")] * 2

    outcomes = [courier.send(one, bob.chat_id) for one in (checking, trusting)]

    assert [what_became(rapidpro, one) for one in outcomes] == [("failed", "F"), ("sent", "W")]
    assert courier.retry() == []


@pytest.mark.parametrize("status", [301, 302, 303])
def test_these_redirects_are_followed_by_a_get_without_a_body_whose_answer_counts(
    courier, chip, channel, rapidpro, bob, status
):
    chip.answers += [Reply(status, location="/elsewhere")]

    sent = courier.send(channel, bob.chat_id)

    assert what_became(rapidpro, sent) == ("sent", "W")
    assert [(one.method, one.path) for one in chip.asked] == [
        ("POST", "/wc/external"),
        ("GET", "/elsewhere"),
    ]
    assert chip.asked[1].body == b""


@pytest.mark.parametrize("status", [307, 308])
def test_these_redirects_are_followed_by_the_same_post(
    courier, chip, channel, rapidpro, bob, status
):
    chip.answers += [Reply(status, location="/elsewhere"), 404]

    sent = courier.send(channel, bob.chat_id)

    assert what_became(rapidpro, sent) == ("failed", "F")
    assert [one.method for one in chip.asked] == ["POST", "POST"]
    assert chip.asked[0].body == chip.asked[1].body


def test_a_circle_of_redirects_is_an_error(courier, chip, channel, rapidpro, bob):
    chip.answers += [Reply(302, location="/again")] * 10

    assert what_became(rapidpro, courier.send(channel, bob.chat_id)) == ("errored", "E")


@pytest.mark.parametrize("status", [304, 400, 401, 404, 409, 428, 430, 499])
def test_these_answers_are_a_failure_for_good(courier, chip, channel, rapidpro, bob, status):
    chip.answers += [Reply(status, b"")]

    assert what_became(rapidpro, courier.send(channel, bob.chat_id)) == ("failed", "F")
    assert courier.retry() == []


@pytest.mark.parametrize(
    ("release", "outcome"),
    [("10.2", ("failed", "F")), ("26.2", ("failed", "F")), ("26.3", ("errored", "E"))],
)
def test_429_is_a_failure_until_26_3_31(courier, chip, channel, rapidpro, bob, release, outcome):
    courier.configure(release=release)
    chip.answers += [429]

    assert what_became(rapidpro, courier.send(channel, bob.chat_id)) == outcome


@pytest.mark.parametrize("status", [500, 503, None])
def test_an_error_is_retried_and_the_third_is_a_failure(
    courier, chip, channel, rapidpro, bob, status
):
    chip.answers += [status] * 3

    outcomes = [courier.send(channel, bob.chat_id), *courier.retry(), *courier.retry()]

    assert [one["became"] for one in outcomes] == ["errored", "errored", "failed"]
    [row] = rapidpro.messages(bob, "O")
    assert (row["status"], row["failed_reason"], row["error_count"]) == ("F", "E", 3)
    assert courier.retry() == []


def test_a_refused_connection_is_an_error(courier, channel, rapidpro, bob):
    sent = courier.send(channel, bob.chat_id, chip=f"http://127.0.0.1:{free_port()}")

    assert (sent["status"], *what_became(rapidpro, sent)) == (None, "errored", "E")


def test_no_answer_in_time_is_an_error(courier, chip, channel, rapidpro, bob):
    courier.configure(patience=0)

    assert what_became(rapidpro, courier.send(channel, bob.chat_id)) == ("errored", "E")


def test_a_disallowed_network_is_asked_nothing(courier, chip, rapidpro):
    courier.configure(disallows=True)
    channel = rapidpro.external_channel(rapidpro.org(), send_url=f"{chip.url}/wc/external")
    bob = rapidpro.contact(channel.org)

    sent = courier.send(channel, bob.chat_id)

    assert what_became(rapidpro, sent) == ("errored", "E")
    assert chip.asked == []


def test_when_one_part_fails_all_are_sent_again_from_the_first(
    courier, chip, channel, rapidpro, bob
):
    chip.answers += [200, 503]

    sent = courier.send(channel, bob.chat_id, "x" * 150)
    before = what_became(rapidpro, sent)
    [again] = courier.retry()

    assert (before, again["became"]) == (("errored", "E"), "sent")
    assert [answer["status"] for answer in sent["answers"]] == [200, 503]
    assert [len(dict(one.form)["text"]) for one in chip.asked] == [60, 60, 60, 60, 30]
    assert rapidpro.status(sent["id"]) == "W"


@pytest.mark.parametrize("status", [200, 404])
def test_what_was_sent_or_failed_is_not_sent_again_but_wired(
    courier, chip, channel, rapidpro, bob, status
):
    chip.answers += [status]
    sent = courier.send(channel, bob.chat_id)
    tell(courier, channel, "delivered", id=sent["uuid"])

    courier.queue_again(sent)

    assert (len(chip.asked), rapidpro.status(sent["id"])) == (1, "W")
    courier.configure(advance=3600)
    courier.queue_again(sent)
    assert len(chip.asked) == 2


def test_a_message_that_is_delivered_again_is_posted_whole_and_wired_over_delivered(
    courier, chip, channel, rapidpro, bob
):
    sent = courier.send(channel, bob.chat_id, "x" * 100)
    tell(courier, channel, "delivered", id=sent["uuid"])

    again = courier.deliver_again(sent)

    assert [answer["status"] for answer in again["answers"]] == [200, 200]
    assert chip.asked[2:] == chip.asked[:2]
    assert rapidpro.status(sent["id"]) == "W"


def test_what_was_sent_can_be_posted_again_several_times_at_once(courier, chip, channel, bob):
    sent = courier.send(channel, bob.chat_id, "x" * 100)

    copies = courier.again(sent, copies=3)

    assert [copy["status"] for copy in copies] == [200] * 3
    assert len(chip.asked) == 2 + 3 * 2


def test_any_form_can_be_posted_with_the_channels_authorization(courier, chip, channel, bob):
    [posted] = courier.post(channel, {"id": "1", "to": bob.chat_id})

    assert posted["body"] == QUEUED
    assert chip.asked[0].form == [("id", "1"), ("to", bob.chat_id)]
    assert chip.asked[0].headers["authorization"] == channel.secret


def test_any_form_can_be_posted_while_the_database_is_away(postgres, courier, chip, channel, bob):
    courier.send(channel, bob.chat_id)
    courier.configure(advance=60)
    postgres.stop()

    [posted] = courier.post(channel, {"id": "1", "to": bob.chat_id})
    postgres.start()

    assert posted["status"] == 200
    assert chip.asked[1].headers["authorization"] == channel.secret


def test_a_channel_is_remembered_for_a_minute(courier, chip, channel, rapidpro, bob):
    courier.send(channel, bob.chat_id)
    rapidpro.change_config(channel, send_authorization="Bearer new")

    courier.send(channel, bob.chat_id)
    courier.configure(advance=60)
    courier.send(channel, bob.chat_id)

    assert [one.headers["authorization"] for one in chip.asked] == [
        "Bearer sesame",
        "Bearer sesame",
        "Bearer new",
    ]


def test_a_channel_without_a_send_url_fails_its_messages(courier, chip, rapidpro, channel, bob):
    rapidpro.change_config(channel, send_url="")

    sent = courier.send(channel, bob.chat_id)

    assert (sent["answers"], *what_became(rapidpro, sent)) == ([], "failed", "F")


def test_with_json_a_visitors_words_can_break_the_request(courier, chip, rapidpro):
    body = '{"id":{{id}},"text":{{text}},"to":{{to}}}'
    channel = rapidpro.external_channel(rapidpro.org(), content_type="json", body=body)
    bob = rapidpro.contact(channel.org)

    for _ in range(40):
        courier.send(channel, bob.chat_id, "You said {{to}}")

    whole = [one for one in chip.asked if _is_json(one.body)]
    assert 0 < len(whole) < len(chip.asked) == 40


def _is_json(body):
    try:
        json.loads(body)
    except ValueError:
        return False
    return True
