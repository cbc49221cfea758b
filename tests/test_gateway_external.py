"""What Chip posts on External channels, and what the answers mean."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest

from chip.chat.outbound.ports import CourierAnswer
from chip.gateway.exchange import outcome_of
from chip.gateway.external import NO_SENDER, ExternalGateway
from chip.gateway.http_client import HttpAnswer
from chip.models import Channel, Incoming, Report

UUID = "3e7e5a52-9b5e-4ee8-8f36-0b9cd2c1d9e2"
CHANNEL = Channel("a5f3c2de-0000-8000-8000-000000000001", 1, "Bearer s", UUID)
CHAT = "azosmAPAXirc3Cmu3TwMY6Yr"
MESSAGE = "01a2139e-c365-76c2-97fd-53bb20bc6da5"
BOTH = Report("delivered", 42, MESSAGE)

ACCEPTED = b'{"message":"Message Accepted","data":[{"type":"msg","msg_uuid":"u1","text":"hello"}]}'
NOTED = b'{"message":"Status Update Accepted","data":[{"type":"status","status":"D"}]}'
IGNORED = b'{"message":"Ignored","data":[{"type":"info","info":"too many contacts"}]}'
NO_ROUTE = b'{"message":"Not Found","data":[{"type":"error","error":"not found: /c/ex"}]}'


def refusal(reason: str) -> bytes:
    return b'{"message":"Error","data":[{"type":"error","error":"%b"}]}' % reason.encode()


NOT_A_UUID = refusal("parsing failed: id '42' and uuid '' are not valid UUIDs")
NOT_A_NUMBER = refusal('schema: error converting value for \\"id\\"')


class Courier:
    """Answers what it is told to, and keeps what was posted."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes]] = []
        self.posted: list[tuple[str, dict[str, str]]] = []

    async def ask(self, path, body, content_type, judge) -> CourierAnswer:
        assert content_type == b"application/x-www-form-urlencoded"
        self.posted.append((path, dict(parse_qsl(body.decode(), keep_blank_values=True))))
        return outcome_of(HttpAnswer(*self.answers.pop(0)), judge, "EX")


@pytest.fixture
def courier():
    return Courier()


@pytest.fixture
def gateway(courier):
    return ExternalGateway(courier)


async def test_a_message_is_a_form_that_names_chat_and_text(gateway, courier):
    courier.answers = [(200, ACCEPTED)]
    answer = await gateway.post(CHANNEL, CHAT, [Incoming("a & b\n😀 {{to}}", "ref")])
    assert (answer.kind, answer.heard) == ("handled", ["u1"])
    form = {"from": CHAT, "text": "a & b\n😀 {{to}}"}
    assert courier.posted == [(f"/ex/{UUID}/receive", form)]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, ACCEPTED, "handled"),
        (200, IGNORED, "declined"),
        (200, NOTED, "unknown"),
        (200, b"<h1>Back soon</h1>", "unknown"),
        (200, b'{"message":"Message Accepted","data":[{"type":"msg"}]}', "unknown"),
        (400, refusal(NO_SENDER), "refused"),
        (400, refusal("invalid path component"), "refused"),
        (400, refusal("invalid request: http: POST too large"), "refused"),
        (400, refusal("something that nobody has heard of"), "declined"),
        (400, refusal("dial tcp 10.0.0.1:5432: connect: connection refused"), "channel_refused"),
        (400, refusal("channel not found"), "channel_refused"),
        (400, refusal("channel type wrong"), "channel_refused"),
        (404, NO_ROUTE, "channel_refused"),
        (404, b"<h1>Not Found</h1>", "failed"),
        (500, refusal("no database"), "failed"),
        (502, b"", "unknown"),
        (504, b'{"message":"Endpoint request timed out"}', "unknown"),
        (429, b'{"message":"API rate limit exceeded"}', "failed"),
        (400, b'{"message":"Error"}', "failed"),
    ],
)
async def test_what_an_answer_to_a_message_means(gateway, courier, status, body, kind):
    courier.answers = [(status, body)]
    assert (await gateway.post(CHANNEL, CHAT, [Incoming("hello")])).kind == kind


async def test_a_status_names_the_message_by_uuid_first(gateway, courier):
    courier.answers = [(200, NOTED)]
    assert (await gateway.post(CHANNEL, CHAT, [BOTH])).kind == "handled"
    assert courier.posted == [(f"/ex/{UUID}/delivered", {"id": MESSAGE})]


async def test_a_courier_that_wants_numbers_is_given_them_from_then_on(gateway, courier):
    courier.answers = [(400, NOT_A_NUMBER), (200, NOTED), (200, NOTED)]
    for report in (BOTH, Report("failed", 43, MESSAGE)):
        assert (await gateway.post(CHANNEL, CHAT, [report])).kind == "handled"
    assert courier.posted == [
        (f"/ex/{UUID}/delivered", {"id": MESSAGE}),
        (f"/ex/{UUID}/delivered", {"id": "42"}),
        (f"/ex/{UUID}/failed", {"id": "43"}),
    ]


async def test_after_an_upgrade_of_courier_uuids_are_found_to_be_wanted(gateway, courier):
    courier.answers = [(400, NOT_A_NUMBER), (200, NOTED)]
    await gateway.post(CHANNEL, CHAT, [BOTH])
    courier.answers = [(400, NOT_A_UUID), (200, NOTED), (200, NOTED)]
    for _ in range(2):
        assert (await gateway.post(CHANNEL, CHAT, [BOTH])).kind == "handled"
    assert [form["id"] for _, form in courier.posted[2:]] == ["42", MESSAGE, MESSAGE]


async def test_a_message_with_one_name_is_reported_by_it(gateway, courier):
    courier.answers = [(200, NOTED), (400, NOT_A_UUID)]
    assert (await gateway.post(CHANNEL, CHAT, [Report("delivered", 42)])).kind == "handled"
    assert (await gateway.post(CHANNEL, CHAT, [Report("delivered", 43)])).kind == "refused"
    assert [form for _, form in courier.posted] == [{"id": "42"}, {"id": "43"}]


async def test_a_status_that_is_refused_for_an_unknown_reason_is_not_given_up(gateway, courier):
    courier.answers = [(400, refusal("something that nobody has heard of"))]
    assert (await gateway.post(CHANNEL, CHAT, [BOTH])).kind == "declined"


async def test_a_courier_in_trouble_is_not_asked_twice_at_once(gateway, courier):
    courier.answers = [(503, b"busy")]
    assert (await gateway.post(CHANNEL, CHAT, [BOTH])).kind == "failed"


async def test_a_chat_starts_without_a_word_to_courier(gateway, courier):
    assert (await gateway.start_chat(CHANNEL, CHAT)).kind == "handled"
    assert not courier.posted


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, refusal(NO_SENDER), "handled"),
        (400, refusal("channel not found"), "channel_refused"),
        (404, NO_ROUTE, "channel_refused"),
        (200, b"<h1>Welcome</h1>", "unknown"),
    ],
)
async def test_a_probe_is_a_form_without_fields(gateway, courier, status, body, kind):
    courier.answers = [(status, body)]
    assert (await gateway.probe(CHANNEL)).kind == kind
    assert courier.posted == [(f"/ex/{UUID}/receive", {})]
