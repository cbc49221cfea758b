"""The client to Courier, against a server that says what it is told to."""

from __future__ import annotations

import json
import os

import pytest
import pytest_twisted
from OpenSSL import SSL
from twisted.internet import reactor, ssl
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock

from chip.chat.observer import Observer
from chip.gateway.courier import CourierGateway
from chip.gateway.http_client import MAX_ANSWER
from chip.models import Channel, Incoming, Report
from tests.support.certificates import Certificates
from tests.support.process import free_port

pytestmark = pytest.mark.private_parts

CHANNEL = Channel("8291264a-4581-4d12-96e5-e9fcfa6e68d9", 1, "sesame")
TWICE = [Incoming("hello"), Incoming("again")]
SEEN = [Report("delivered", 10)]
SAID = [Incoming("hello")]
TIMEOUT = 5
"""Seconds for a request and its answer."""


def answer(status, body, *headers):
    """An HTTP answer as bytes."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", *headers, "", body]
    return "\r\n".join(lines).encode()


def handled(*uuids):
    data = [{"type": "msg", "msg_uuid": uuid} for uuid in uuids]
    return answer(200, json.dumps({"message": "Events Handled", "data": data}))


class Courier(Factory):
    """Answers with whatever comes next in `answers`; None hangs up, "" says nothing, which is
    when `silent` fires."""

    noisy = False

    def __init__(self):
        self.requests = []
        self.answers = []
        self.connections = 0
        self.open = set()
        self.empty = None
        self.silent = Deferred()

    def buildProtocol(self, address):
        self.connections += 1
        return Line(self)

    async def all_gone(self):
        if self.open:
            self.empty = Deferred()
            await self.empty


class Line(Protocol):
    def __init__(self, courier):
        self.courier = courier
        self.data = b""

    def connectionMade(self):
        self.courier.open.add(self)

    def connectionLost(self, reason):
        self.courier.open.discard(self)
        if self.courier.empty and not self.courier.open:
            self.courier.empty.callback(None)

    def dataReceived(self, data):
        self.data += data
        head, found, body = self.data.partition(b"\r\n\r\n")
        _, length, rest = head.partition(b"Content-Length: ")
        if not found or len(body) < (int(rest.split(b"\r\n")[0]) if length else 0):
            return
        self.data = b""
        self.courier.requests.append((head.decode().split("\r\n"), body))
        following = self.courier.answers.pop(0)
        if following is None:
            self.transport.abortConnection()
        else:
            self.transport.write(following or b"")
        if following == "":
            self.courier.silent.callback(None)


def finish(work):
    """Wait for a coroutine at the end of a fixture."""
    pytest_twisted.blockon(ensureDeferred(work))


@pytest.fixture
def courier():
    courier = Courier()
    port = reactor.listenTCP(0, courier, interface="127.0.0.1")
    courier.domain = f"127.0.0.1:{port.getHost().port}"
    yield courier
    port.stopListening()
    finish(courier.all_gone())


@pytest.fixture
def time_out(monkeypatch):
    """Ends the time of all requests. A short one would end before a busy machine has connected."""
    clock, later = Clock(), reactor.callLater

    def call_later(delay, *call, **more):
        return (clock.callLater if delay == TIMEOUT else later)(delay, *call, **more)

    monkeypatch.setattr(reactor, "callLater", call_later)
    return lambda: clock.advance(TIMEOUT)


def gateway(domain, **options):
    settings = {"tls": False, "connect_timeout": 3, "timeout": TIMEOUT, "parallel": 4, **options}
    return CourierGateway(reactor=reactor, domain=domain, **settings)


@pytest.fixture
def client(courier):
    client = gateway(courier.domain)
    yield client
    finish(client.close())


async def test_events_go_to_the_channels_address_as_compact_json(client, courier):
    courier.answers = [handled("u1", "u2")]
    result = await client.post(CHANNEL, "bobs", TWICE)
    assert result.kind == "handled"
    assert result.heard == ["u1", "u2"]
    ((request_line, *headers), body) = courier.requests[0]
    assert request_line == f"POST /c/chp/{CHANNEL.uuid}/receive HTTP/1.1"
    assert {f"Host: {courier.domain}", "Content-Type: application/json"} <= set(headers)
    events = b'[{"type":"msg_in","msg":{"text":"hello"}},{"type":"msg_in","msg":{"text":"again"}}]'
    assert body == b'{"chat_id":"bobs","secret":"sesame","events":%b}' % events


async def test_a_proxy_is_asked_not_to_compress_the_answer(client, courier):
    courier.answers = [handled("u1")]
    await client.post(CHANNEL, "bobs", SAID)
    ((head, _),) = courier.requests
    assert "Accept-Encoding: identity" in head


async def test_the_message_that_a_status_names_was_not_heard(client, courier):
    data = [
        {"type": "msg", "msg_uuid": "u1"},
        {"type": "status", "msg_uuid": "u2", "status": "delivered"},
    ]
    courier.answers = [answer(200, json.dumps({"message": "Events Handled", "data": data}))]
    assert (await client.post(CHANNEL, "bobs", SAID + SEEN)).heard == ["u1"]


async def test_one_connection_serves_many_requests(client, courier):
    courier.answers = [handled() for _ in range(3)]
    for _ in range(3):
        await client.post(CHANNEL, "bobs", SAID)
    assert courier.connections == 1


async def test_each_channel_has_an_address_of_its_own(client, courier):
    courier.answers = [handled(), handled()]
    other = Channel("11111111-4581-4d12-96e5-e9fcfa6e68d9", 1, "")
    await client.post(CHANNEL, "bobs", SAID)
    await client.post(other, "bobs", SAID)
    addresses = [head[0].split("/")[3] for head, _ in courier.requests]
    assert addresses == [CHANNEL.uuid, other.uuid]


async def test_no_cookie_comes_back(client, courier):
    courier.answers = [answer(200, "{}", "Set-Cookie: session=1; Path=/"), handled()]
    await client.post(CHANNEL, "bobs", SAID)
    await client.post(CHANNEL, "bobs", SAID)
    assert not any("cookie" in line.lower() for line in courier.requests[1][0])


def error(text):
    return json.dumps({"message": "Error", "data": [{"type": "error", "error": text}]})


def data(*items):
    return json.dumps({"message": "Events Handled", "data": items})


MSG = {"type": "msg", "msg_uuid": "u1"}
HTML = "<h1>Back soon</h1>"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, error("event not supported"), "refused"),
        (500, error("no database"), "failed"),
        (404, HTML, "failed"),
        (502, HTML, "unknown"),
        (504, "", "unknown"),
        (503, "busy", "failed"),
        (519, HTML, "failed"),
        (520, HTML, "unknown"),
        (524, HTML, "unknown"),
        (599, "", "unknown"),
        (520, error("no database"), "failed"),
        (301, "", "failed"),
        (307, "", "failed"),
        # Only Courier's own words confirm.
        (200, data(MSG), "handled"),
        (200, HTML, "unknown"),
        (200, "", "unknown"),
        (200, '{"ok":true}', "unknown"),
        (200, data(), "unknown"),
        (200, data({"type": "msg"}), "unknown"),
        (200, data({"type": "info", "info": "too many contacts"}), "unknown"),
        (200, data(MSG, MSG), "unknown"),
        (200, '{"message":"Ignored","data":[{"type":"info"}]}', "unknown"),
        (204, "", "unknown"),
        # What is said of the channel says nothing of the event.
        (400, error("secret incorrect"), "channel_refused"),
        (400, error("channel not found"), "channel_refused"),
        (400, error("channel type wrong"), "channel_refused"),
        # So is what Courier says when it cannot look the channel up.
        (400, error("dial tcp 127.0.0.1:5432: connect: connection refused"), "channel_refused"),
        (400, error("pq: the database system is shutting down"), "channel_refused"),
        (400, error("driver: bad connection"), "channel_refused"),
        (400, error("context deadline exceeded"), "channel_refused"),
        (404, '{"message":"Not Found","data":[]}', "channel_refused"),
        (404, '{"message":"Not Found"}', "channel_refused"),
        (405, '{"message":"Method Not Allowed"}', "channel_refused"),
    ],
)
async def test_what_an_answer_means(client, courier, status, body, kind):
    courier.answers = [answer(status, body, "Location: /elsewhere")]
    result = await client.post(CHANNEL, "bobs", SAID)
    assert result.kind == kind
    assert len(courier.requests) == 1


async def test_a_request_that_is_hung_up_on_may_have_arrived(client, courier):
    courier.answers = [None]
    assert (await client.post(CHANNEL, "bobs", SAID)).kind == "unknown"


async def test_a_status_is_confirmed_by_any_item_and_a_new_chat_too(client, courier):
    for item in ({"type": "status"}, {"type": "info", "info": "not known"}):
        courier.answers.append(answer(200, data(item)))
        assert (await client.post(CHANNEL, "bobs", SEEN)).kind == "handled"
    courier.answers.append(answer(200, data({"type": "event"})))
    assert (await client.start_chat(CHANNEL, "bobs")).kind == "handled"


@pytest.mark.parametrize(
    ("status", "body", "may_have_arrived"),
    [
        (500, error("no database"), False),
        (500, HTML, True),
        (503, "upstream connect error or disconnect/reset before headers", True),
        (404, HTML, False),
        (301, "", False),
    ],
)
async def test_what_fails_at_a_proxy_may_have_arrived(
    client, courier, status, body, may_have_arrived
):
    courier.answers = [answer(status, body)]
    answered = await client.post(CHANNEL, "bobs", SAID)
    assert (answered.kind, answered.may_have_arrived) == ("failed", may_have_arrived)


@pytest.mark.parametrize(
    "said",
    [error("secret incorrect"), data({"type": "error"}), HTML, '{"message":"OK","data":[{}]}'],
)
async def test_neither_an_error_nor_somebody_else_confirms_though_with_200(client, courier, said):
    courier.answers = [answer(200, said), answer(200, said)]
    assert (await client.post(CHANNEL, "bobs", SEEN)).kind == "unknown"
    assert (await client.start_chat(CHANNEL, "bobs")).kind == "unknown"


async def test_where_nobody_listens_nothing_was_sent():
    client = gateway(f"127.0.0.1:{free_port()}")
    assert (await client.post(CHANNEL, "bobs", SAID)).kind == "unsent"
    await client.close()


async def test_an_answer_that_does_not_come_in_time_is_no_answer(courier, time_out):
    told = []
    observer = Observer()
    observer.courier = lambda *seen: told.append(seen)
    client = gateway(courier.domain, observer=observer)
    courier.answers = [""]
    answered = ensureDeferred(client.post(CHANNEL, "bobs", SAID))
    await courier.silent
    assert not answered.called
    time_out()
    assert (await answered).kind == "unknown"
    ((kind, seconds),) = told
    assert kind == "unknown"
    assert seconds > 0
    await client.close()


async def test_an_answer_without_end_is_not_read_to_its_end(client, courier):
    courier.answers = [b"HTTP/1.1 200 OK\r\n\r\n" + bytes(MAX_ANSWER + 1)]
    assert (await client.start_chat(CHANNEL, "bobs")).kind == "unknown"


async def test_a_connection_that_courier_wants_closed_is_not_used_again(client, courier):
    courier.answers = [answer(200, data(MSG), "Connection: close"), handled("u2")]
    for _ in range(2):
        assert (await client.post(CHANNEL, "bobs", SAID)).kind == "handled"
    assert courier.connections == 2


async def test_a_probe_tells_of_nothing_that_a_visitor_did(client, courier):
    courier.answers = [answer(200, data())]
    assert (await client.probe(CHANNEL)).kind == "handled"
    ((_, sent),) = courier.requests
    body = json.loads(sent)
    assert (body["secret"], body["events"]) == (CHANNEL.secret, [])


@pytest.mark.parametrize("said", ["<h1>Back soon</h1>", '{"message":"ok"}', "{}", ""])
async def test_only_courier_itself_answers_a_probe(client, courier, said):
    courier.answers = [answer(200, said)]
    assert (await client.probe(CHANNEL)).kind == "unknown"


async def test_where_a_redirect_leads_is_told(client, courier):
    courier.answers = [answer(301, "", "Location: https://courier.example.org/")]
    assert "https://courier.example.org/" in (await client.probe(CHANNEL)).detail


async def test_a_refused_connection_is_told_in_words():
    nobody = gateway(f"127.0.0.1:{free_port()}")
    answered = await nobody.post(CHANNEL, "bobs", SAID)
    assert (answered.kind, answered.detail) == ("unsent", "the connection was refused")
    await nobody.close()


async def test_a_probe_that_nobody_answers_ends_in_time(courier, time_out):
    client = gateway(courier.domain)
    courier.answers = [""]
    answered = ensureDeferred(client.probe(CHANNEL))
    await courier.silent
    time_out()
    assert (await answered).detail == "no answer in time"
    await client.close()


# By https


@pytest.fixture
def certificates(tmp_path):
    return Certificates(tmp_path)


@pytest.fixture
def secure(certificates):
    courier = Courier()
    context = ssl.DefaultOpenSSLContextFactory(
        os.fspath(certificates.key), os.fspath(certificates.certificate), SSL.TLS_SERVER_METHOD
    )
    port = reactor.listenSSL(0, courier, context, interface="127.0.0.1")
    courier.domain = f"localhost:{port.getHost().port}"
    yield courier
    port.stopListening()
    finish(courier.all_gone())


async def test_by_https_courier_is_verified_with_the_machines_authorities(
    secure, certificates, monkeypatch
):
    monkeypatch.setenv("SSL_CERT_FILE", os.fspath(certificates.authority))
    client = gateway(secure.domain, tls=True)
    secure.answers = [handled("u1")]
    assert (await client.post(CHANNEL, "bobs", SAID)).heard == ["u1"]
    await client.close()


async def test_to_whom_nobody_vouches_for_nothing_is_said(secure):
    client = gateway(secure.domain, tls=True)
    result = await client.post(CHANNEL, "bobs", SAID)
    assert result.kind == "unsent"
    assert secure.requests == []
    await client.close()
