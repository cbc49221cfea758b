"""`POST /wc/external`: what Courier sends on External channels, in HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.task import Clock

from chip.chat.inbound import WrongSecret
from chip.errors import Refused, Unavailable
from tests.support.web import CHANNEL, Counts, FakeChatServer, Wire, build_site, request

FORM = "application/x-www-form-urlencoded"
BODY = b"id=1&to=x&text=Hi"


class ExternalSite:
    """A site, its server, and Courier before it."""

    def __init__(self, trouble: Exception | None = None) -> None:
        self.server = FakeChatServer()
        self.server.send_trouble = trouble
        self.counts = Counts()
        self.site = build_site(self.server, Clock(), observer=self.counts)

    def posted(
        self,
        body: bytes = BODY,
        path: str = "/wc/external",
        content_type: str = FORM,
        method: str = "POST",
    ) -> Any:
        wire = Wire(self.site)
        headers = {"Content-Type": content_type, "Authorization": "Bearer sesame"}
        wire.says(request(path, method, body, **headers))
        return wire.answer()


@pytest.mark.parametrize("path", ["/wc/external", "/wc/external/"])
def test_a_form_is_handed_over_with_its_authorization(path):
    external = ExternalSite()
    answer = external.posted(path=path)
    # The set-up that is recommended has Courier look for this word.
    assert (answer.status, answer.body) == (200, b'{"status":"queued"}')
    assert external.server.sends == [(" Bearer sesame", BODY)]
    assert external.counts.statuses == [200]


def test_the_channel_may_stand_in_the_path():
    external = ExternalSite()
    assert external.posted(path=f"/wc/external/{CHANNEL}").status == 200
    assert external.server.sends == [(f"{CHANNEL} Bearer sesame", BODY)]


def test_a_form_may_name_its_charset():
    assert ExternalSite().posted(content_type=f"{FORM}; charset=utf-8").status == 200


@pytest.mark.parametrize("content_type", ["application/json", "text/xml; charset=utf-8", ""])
def test_anything_but_a_form_is_refused_with_what_to_do(content_type):
    answer = ExternalSite().posted(content_type=content_type)
    assert answer.status == 400
    assert answer.json == {"error": "the channel's content type must be URL Encoded"}


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_only_post_is_allowed(method):
    assert ExternalSite().posted(b"", method=method).status == 405


def test_a_form_that_is_too_large_is_refused():
    answer = ExternalSite().posted(bytes(1024 * 1024 + 1))
    assert answer.status == 400
    assert "larger than 1048576 bytes" in answer.json["error"]


@pytest.mark.parametrize(
    ("trouble", "status"),
    [
        (Refused("no such channel"), 400),
        (WrongSecret("channel secret incorrect"), 400),
        (Unavailable("the message is not in the database"), 503),
    ],
)
def test_each_trouble_has_its_status(trouble, status):
    answer = ExternalSite(trouble).posted()
    assert (answer.status, answer.json["error"]) == (status, str(trouble))


def test_guessing_is_never_answered_by_429(log):
    external = ExternalSite(WrongSecret("channel secret incorrect"))
    assert {external.posted().status for _ in range(30)} == {400}


def test_the_log_names_the_channel_by_its_public_id(log):
    trouble = WrongSecret("channel secret incorrect")
    trouble.channel = "a5f3c2de-0000-8000-8000-000000000001"
    ExternalSite(trouble).posted(path=f"/wc/external/{CHANNEL}")
    assert log.fields("channel") == [trouble.channel]
    assert log.about(CHANNEL) == []


def test_what_nobody_expected_can_be_tried_again(expected_failures):
    assert ExternalSite(RuntimeError("SELECT")).posted().status == 503
    expected_failures.take(RuntimeError)
