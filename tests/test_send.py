"""`POST /wc/send`: which HTTP status each outcome is, and what comes without a right secret."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from chip.chat.inbound import WrongSecret
from chip.errors import NotFound, QueueFull, Refused, Unavailable
from chip.limits import Limits
from tests.support.web import (
    CHANNEL,
    UNKNOWN,
    Answer,
    Counts,
    FakeChatServer,
    Wire,
    build_site,
    request,
)


class SendSite:
    """A site, its server, and Courier before it."""

    def __init__(self, trouble: Exception | None = None, **options: Any) -> None:
        self.clock = Clock()
        self.server = FakeChatServer()
        self.server.send_trouble = trouble
        self.counts = Counts()
        self.site = build_site(self.server, self.clock, observer=self.counts, **options)

    def posted(
        self, body: bytes = b"{}", channel: str = CHANNEL, peer: Any = None, **headers: str
    ) -> Answer:
        wire = Wire(self.site, peer)
        wire.says(request(f"/wc/send/{channel}", "POST", body, **headers))
        return wire.answer()


def test_a_message_that_is_stored_is_queued():
    sends = SendSite()
    answer = sends.posted(b'{"chat_id":"x"}')
    assert (answer.status, answer.body) == (200, b'{"status":"queued"}')
    assert answer.headers["content-type"] == "application/json"
    assert sends.server.sends == [(CHANNEL, b'{"chat_id":"x"}')]
    assert sends.counts.statuses == [200]


@pytest.mark.parametrize(
    ("trouble", "status", "retry_after"),
    [
        (Refused("no such channel"), 400, None),
        (WrongSecret("channel secret incorrect"), 400, None),
        (NotFound("user not found"), 404, None),
        (Unavailable("the queue does not answer", retry_after=9), 503, "9"),
        (QueueFull("the outbox is full", retry_after=60), 503, "60"),
    ],
)
def test_each_trouble_has_its_status(trouble, status, retry_after):
    sends = SendSite(trouble)
    answer = sends.posted()
    assert (answer.status, answer.json["error"]) == (status, str(trouble))
    assert answer.headers.get("retry-after") == retry_after
    assert sends.counts.statuses == [status]


def test_what_nobody_expected_can_be_tried_again(expected_failures):
    answer = SendSite(RuntimeError("SELECT secret FROM channels")).posted()
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert "SELECT" not in answer.json["error"]
    expected_failures.take(RuntimeError)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS"])
def test_only_post_is_allowed(method):
    sends = SendSite()
    wire = Wire(sends.site)
    wire.says(request(f"/wc/send/{CHANNEL}", method))
    head = bytes(wire.out).lower()
    assert head.startswith(b"http/1.1 405 ")
    assert b"\r\nallow: post\r\n" in head
    assert sends.server.sends == []


def test_a_body_that_is_too_large_is_refused_after_its_channel():
    sends = SendSite()
    large = bytes(1024 * 1024 + 1)
    assert sends.posted(large, UNKNOWN).json == {"error": "no such channel"}
    answer = sends.posted(large)
    assert answer.status == 400
    assert answer.json["error"] == "error reading request: body is larger than 1048576 bytes"
    sends.server.lookups.trouble = Unavailable("away")
    assert sends.posted(large).status == 503
    assert sends.server.sends == []


LARGE = bytes(1024 * 1024)


def test_who_has_shown_no_right_secret_may_not_send_much_at_once():
    sends = SendSite(WrongSecret("channel secret incorrect"))
    assert [sends.posted(LARGE).status for _ in range(3)] == [400, 400, 503]
    answer = sends.posted(LARGE)
    assert answer.json["error"] == "too much was sent without a right secret"
    assert answer.headers["retry-after"] == "4"
    sends.clock.advance(4)
    assert sends.posted(LARGE).status == 400


def test_who_has_shown_a_right_secret_sends_as_much_as_he_likes():
    sends = SendSite()
    assert [sends.posted(LARGE).status for _ in range(30)] == [200] * 30


@pytest.mark.parametrize("trouble", [QueueFull("the outbox is full"), NotFound("user not found")])
def test_a_right_secret_is_one_also_where_the_message_is_refused(trouble):
    sends = SendSite(trouble)
    assert len({sends.posted(LARGE).status for _ in range(10)}) == 1


def test_what_one_has_sent_without_a_right_secret_does_not_harm_others():
    sends = SendSite(WrongSecret("channel secret incorrect"))
    stranger = IPv4Address("TCP", "203.0.113.9", 4242)
    assert [sends.posted(LARGE, peer=stranger).status for _ in range(3)] == [400, 400, 503]
    sends.server.send_trouble = None
    assert sends.posted(LARGE).status == 200


def test_an_answer_for_a_courier_that_has_gone_is_dropped():
    sends = SendSite()
    waiting: Deferred[None] = Deferred()

    async def accept(*_: Any) -> None:
        await waiting

    sends.server.accept = accept  # type: ignore[method-assign]
    wire = Wire(sends.site)
    wire.says(request(f"/wc/send/{CHANNEL}", "POST", b"{}"))
    wire.leaves()
    waiting.callback(None)
    assert wire.out == b""
    assert sends.counts.statuses == [200]


# Wrong secrets.


def test_an_address_may_be_wrong_about_a_channel_10_times_a_minute():
    sends = SendSite(WrongSecret("channel secret incorrect"))
    assert [sends.posted().status for _ in range(12)] == [400] * 10 + [429] * 2
    refused = sends.posted()
    assert refused.headers["retry-after"] == "6"
    assert refused.json == {"error": "too many wrong secrets", "retry_after": 6}
    sends.clock.advance(6.1)
    assert [sends.posted().status for _ in range(2)] == [400, 429]


def test_less_than_one_wrong_secret_a_minute_is_one_at_a_time():
    limits = Limits(wrong_secrets_per_minute=0.5)
    sends = SendSite(WrongSecret("channel secret incorrect"), limits=limits)
    assert [sends.posted().status for _ in range(2)] == [400, 429]
    sends.clock.advance(120)
    assert [sends.posted().status for _ in range(2)] == [400, 429]


def test_a_right_secret_is_never_limited():
    sends = SendSite(WrongSecret("channel secret incorrect"))
    assert [sends.posted().status for _ in range(11)][-1] == 429
    sends.server.send_trouble = None
    assert sends.posted().status == 200


def test_addresses_and_channels_are_counted_apart():
    other = CHANNEL.replace("7", "8")
    sends = SendSite(WrongSecret("channel secret incorrect"), trusted=("192.0.2.7",))
    ten = [sends.posted(X_Forwarded_For="203.0.113.1").status for _ in range(11)]
    assert ten[-1] == 429
    assert sends.posted(X_Forwarded_For="203.0.113.2").status == 400
    assert sends.posted(channel=other, X_Forwarded_For="203.0.113.1").status == 400


def test_a_trusted_peer_that_names_nobody_is_not_limited():
    sends = SendSite(WrongSecret("channel secret incorrect"), trusted=("192.0.2.7",))
    assert {sends.posted().status for _ in range(50)} == {400}
