"""The scripted visitor against a small server of Autobahn's."""

import json

import pytest
import pytest_twisted
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet import reactor
from twisted.internet.error import ConnectError
from twisted.web.resource import Resource
from twisted.web.server import Site

from tests.support.process import free_port
from tests.support.visitor import RefusedError, Visitor

CHANNEL = "8eb23e93-5ecb-45ba-b726-3b064e0c56ab"


class Parrot(WebSocketServerProtocol):
    """Starts chats, answers pings, and says everything else back."""

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        command = json.loads(payload)
        match command["type"]:
            case "start_chat":
                answer = {"type": "chat_started", "chat_id": command.get("chat_id", "new")}
            case "ping":
                answer = {"type": "pong"}
            case "send_msg":
                answer = {"type": "chat_out", "msg_out": {"id": 7, "text": command["text"]}}
            case "set_email":
                self.sendClose(4000, "enough")
                return
            case _:
                answer = {"type": "told", "command": command}
        self.sendMessage(json.dumps(answer).encode())


class Refusal(Resource):
    """Answers every request alike, and keeps the connection open."""

    isLeaf = True

    def render(self, request):
        request.setResponseCode(404)
        return b'{"error":"no such channel"}'


@pytest.fixture
def url():
    factory = WebSocketServerFactory()
    factory.protocol = Parrot
    factory.setProtocolOptions(openHandshakeTimeout=0, closeHandshakeTimeout=0)
    port = reactor.listenTCP(0, factory, interface="127.0.0.1")
    yield f"http://127.0.0.1:{port.getHost().port}"
    pytest_twisted.blockon(port.stopListening())


@pytest_twisted.ensureDeferred
async def test_a_conversation_reads_like_a_transcript(url):
    visitor = await Visitor(url, CHANNEL).connect()

    await visitor.start_chat()
    visitor.send("hello")
    await visitor.hears("hello")
    told = await visitor.expect("told")
    await visitor.hears_nothing()

    assert visitor.chat_id == "new"
    assert told["command"] == {"type": "ack_chat", "msg_id": 7}
    assert [frame["type"] for frame in visitor.frames] == [
        "chat_started",
        "chat_out",
        "told",
        "pong",
    ]
    await visitor.leave()


@pytest_twisted.ensureDeferred
async def test_another_event_than_the_expected_one_fails_and_tells_what_was_heard(url):
    visitor = await Visitor(url, CHANNEL).connect()

    visitor.send("hello")
    with pytest.raises(AssertionError, match=r"expected .*'error'.* got .*chat_out"):
        await visitor.expect("error")
    visitor.send("bye")
    with pytest.raises(AssertionError, match="expected 'hi'"):
        await visitor.hears("hi")
    visitor.send("something")
    with pytest.raises(AssertionError):
        await visitor.hears_nothing()

    await visitor.vanish()


@pytest_twisted.ensureDeferred
async def test_an_event_that_never_comes_is_a_time_out(url):
    visitor = await Visitor(url, CHANNEL).connect()

    visitor.patience = 0.01
    with pytest.raises(TimeoutError, match="no an event"):
        await visitor.next()

    visitor.patience = 10
    await visitor.vanish()


@pytest_twisted.ensureDeferred
async def test_the_close_code_of_the_server_is_kept(url):
    visitor = await Visitor(url, CHANNEL).connect()

    visitor.set_email("bob@example.com")

    assert await visitor.closed() == 4000
    assert visitor.close_reason == "enough"
    with pytest.raises(AssertionError, match="connection is closed"):
        await visitor.next()


@pytest_twisted.ensureDeferred
async def test_the_end_of_an_earlier_connection_does_not_touch_the_present_one(url):
    visitor = await Visitor(url, CHANNEL).connect()
    earlier = visitor._protocol
    await visitor.connect()

    earlier.transport.abortConnection()
    await earlier.closed

    assert visitor.connected
    visitor.send("still here")
    await visitor.hears("still here")
    await visitor.vanish()


@pytest_twisted.ensureDeferred
async def test_a_visitor_who_stops_reading_hears_it_all_later(url):
    visitor = await Visitor(url, CHANNEL).connect()

    visitor.stop_reading()
    visitor.send("hello")
    visitor.patience = 0.05
    with pytest.raises(TimeoutError):
        await visitor.next()
    visitor.patience = 10
    visitor.resume_reading()

    await visitor.hears("hello")
    await visitor.leave()


@pytest_twisted.ensureDeferred
async def test_a_refused_handshake_shows_status_and_body():
    site = Site(Refusal())
    site.noisy = False
    port = reactor.listenTCP(0, site, interface="127.0.0.1")

    with pytest.raises(RefusedError) as refused:
        await Visitor(f"http://127.0.0.1:{port.getHost().port}", CHANNEL).connect()

    assert refused.value.status == 404
    assert refused.value.json == {"error": "no such channel"}
    await port.stopListening()


@pytest_twisted.ensureDeferred
async def test_a_port_where_nobody_listens_is_a_connect_error():
    with pytest.raises(ConnectError):
        await Visitor(f"http://127.0.0.1:{free_port()}", CHANNEL).connect()
