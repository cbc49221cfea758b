"""The connections to Courier: which are used again, and what becomes of requests."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.error import (
    ConnectionDone,
    ConnectionLost,
    ConnectionRefusedError,
    DNSLookupError,
    TimeoutError,
)
from twisted.internet.task import Clock
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH, IAgent, IResponse
from zope.interface.verify import verifyObject

from chip.gateway.http_agent import IDLE_TIMEOUT, Unreachable
from chip.logs.network import in_words
from tests.support.http_lines import CONNECT_TIMEOUT, OK, Server, agent_for, ask, heard, swallow


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def agent(server, clock):
    return agent_for(server, clock)


# What is sent.


def test_the_agent_is_one_of_twisteds(agent, server):
    assert verifyObject(IAgent, agent)
    asked = ask(agent)
    server.lines[0].says(OK)
    assert verifyObject(IResponse, asked.result)


def test_a_request_goes_out_in_one_piece_with_its_length(agent, server):
    headers = Headers({b"Content-Type": [b"text/plain"], b"X-Two": [b"a", b"b"]})
    agent.request(b"POST", b"http://courier.example:8080/c/x?y=1", headers, Bytes(b"words"))
    assert server.lines[0].value() == (
        b"POST /c/x?y=1 HTTP/1.1\r\nHost: courier.example:8080\r\nContent-Length: 5\r\n"
        b"Content-Type: text/plain\r\nX-Two: a\r\nX-Two: b\r\n\r\nwords"
    )


def test_a_request_without_a_body_says_so(agent, server):
    ask(agent)
    assert b"\r\nContent-Length: 0\r\n" in server.lines[0].value()


def test_what_would_make_two_requests_of_one_is_refused(agent, server):
    for uri in (
        b"http://h/a b",
        b"http://h/\r\nX: y",
        b"http://h/\x80",
        b"/only/a/path",
        b"http://h",
    ):
        with pytest.raises(ValueError, match="absolute URI"):
            agent.request(b"POST", uri)
    ask_with = Headers({b"X": [b"a\r\nContent-Length: 7"]})
    agent.request(b"POST", b"http://h/", ask_with)
    assert server.lines[0].value().count(b"\r\nContent-Length") == 1


def test_a_body_of_unknown_length_is_refused(agent):
    body = Bytes(b"words")
    body.length = UNKNOWN_LENGTH
    with pytest.raises(ValueError, match="known length"):
        agent.request(b"POST", b"http://h/", None, body)


class Bytes:
    """A body that is written at once, or breaks off."""

    broken = None

    def __init__(self, data):
        self.data = data
        self.length = len(data)

    def startProducing(self, consumer):
        consumer.write(self.data)
        return fail(self.broken) if self.broken else succeed(None)


def test_a_request_whose_body_breaks_off_fails(agent, server):
    body = Bytes(b"wo")
    body.length, body.broken = 5, OSError("no more")
    asked = agent.request(b"POST", b"http://h/", None, body)
    assert isinstance(swallow(asked), OSError)
    assert server.lines[0].aborted


# Which connection is taken.


def test_a_connection_is_used_again_the_latest_first(agent, server):
    first, second = ask(agent), ask(agent)
    server.lines[1].says(OK)
    server.lines[0].says(OK)
    assert (first.result.code, second.result.code) == (200, 200)
    ask(agent, "/again")
    assert len(server.lines) == 2
    assert b"POST /again " in server.lines[0].value()


def test_who_waits_for_an_answer_can_ask_again_at_once(agent, server):
    asked = ask(agent)
    again = asked.addCallback(lambda _: ask(agent, "/again"))
    server.lines[0].says(OK)
    server.lines[0].says(OK)
    assert heard(again.result) == b"hi"
    assert len(server.lines) == 1


def test_no_more_are_kept_than_are_to_be(agent, server):
    for _ in range(3):
        ask(agent)
    for line in server.lines:
        line.says(OK)
    assert [line.disconnecting for line in server.lines] == [False, False, True]


@pytest.mark.parametrize(
    "answer",
    [
        OK.replace(b"\r\n", b"\r\nConnection: close\r\n", 1),
        OK.replace(b"1.1", b"1.0"),
        OK + b"x",
        OK + OK,
    ],
)
def test_what_cannot_be_relied_on_is_not_used_again(agent, server, answer):
    asked = ask(agent)
    server.lines[0].says(answer)
    assert heard(asked.result) == b"hi"
    assert server.lines[0].disconnecting
    ask(agent)
    assert len(server.lines) == 2


def test_who_speaks_without_being_asked_is_not_listened_to(agent, server):
    ask(agent)
    server.lines[0].says(OK)
    server.lines[0].says(b"HTTP/1.1 408 Too slow\r\n\r\n")
    assert server.lines[0].aborted
    ask(agent)
    assert len(server.lines) == 2


def test_a_connection_that_the_server_has_closed_is_not_taken(agent, server):
    ask(agent)
    server.lines[0].says(OK)
    server.lines[0].ends(ConnectionDone())
    ask(agent)
    assert len(server.lines) == 2


def test_an_idle_connection_is_closed_in_time(agent, server, clock):
    ask(agent), ask(agent)
    server.lines[0].says(OK)
    clock.advance(IDLE_TIMEOUT - 1)
    server.lines[1].says(OK)
    assert not server.lines[0].disconnecting
    clock.advance(1)
    assert [line.disconnecting for line in server.lines] == [True, False]
    clock.advance(IDLE_TIMEOUT - 1)
    assert server.lines[1].disconnecting
    assert clock.getDelayedCalls() == []


def test_a_connection_that_is_used_is_not_idle(agent, server, clock):
    for _ in range(4):
        asked = ask(agent)
        server.lines[0].says(OK)
        assert asked.called
        clock.advance(IDLE_TIMEOUT - 1)
    assert len(server.lines) == 1


# Trouble.


def test_where_there_is_no_connection_nothing_was_sent(agent, server):
    server.problem = ConnectionRefusedError()
    problem = swallow(ask(agent))
    assert isinstance(problem, Unreachable)
    assert isinstance(problem.cause, ConnectionRefusedError)


def test_a_connection_that_never_comes_is_said_to_be_late(agent, server, clock):
    """Twisted's own word for a look-up that was given up is that there is no such host."""
    connecting = Deferred(lambda given_up: given_up.errback(DNSLookupError()))
    server.connect = lambda _: connecting
    asked = ask(agent)
    clock.advance(CONNECT_TIMEOUT)
    problem = swallow(asked)
    assert isinstance(problem, Unreachable)
    assert in_words(problem.cause) == "it did not answer in time"


def test_with_tls_nothing_is_sent_before_the_server_has_shown_who_it_is(server, clock):
    agent = agent_for(server, clock, secure=True)
    asked = ask(agent)
    assert server.lines[0].value() == b""
    server.lines[0].protocol.handshakeCompleted()
    assert server.lines[0].value().startswith(b"POST / ")
    server.lines[0].ends(ConnectionLost())
    assert isinstance(swallow(asked), ConnectionLost)


def test_a_handshake_that_fails_is_no_connection(server, clock):
    asked = ask(agent_for(server, clock, secure=True))
    server.lines[0].ends(ConnectionLost())
    problem = swallow(asked)
    assert isinstance(problem, Unreachable)
    assert isinstance(problem.cause, ConnectionLost)


def test_a_handshake_that_takes_too_long_is_no_connection(server, clock):
    asked = ask(agent_for(server, clock, secure=True))
    clock.advance(CONNECT_TIMEOUT)
    problem = swallow(asked)
    assert isinstance(problem, Unreachable)
    assert isinstance(problem.cause, TimeoutError)
    assert server.lines[0].aborted
    assert server.lines[0].value() == b""
    server.lines[0].ends(ConnectionLost())
    assert clock.getDelayedCalls() == []


def test_who_is_given_up_during_the_handshake_has_sent_nothing(server, clock):
    asked = ask(agent_for(server, clock, secure=True))
    asked.cancel()
    problem = swallow(asked)
    assert isinstance(problem, Unreachable)
    assert isinstance(problem.cause, CancelledError)
    assert server.lines[0].aborted
    server.lines[0].ends(ConnectionLost())


def test_a_request_that_is_given_up_takes_its_connection_along(agent, server):
    asked = ask(agent)
    asked.cancel()
    assert isinstance(swallow(asked), CancelledError)
    assert server.lines[0].aborted
    server.lines[0].says(OK)
    server.lines[0].ends(ConnectionLost())
    ask(agent)
    assert len(server.lines) == 2


def test_closing_leaves_what_is_under_way_to_end_by_itself(agent, server, clock):
    asked = ask(agent)
    idle = ask(agent)
    server.lines[1].says(OK)
    assert idle.called
    closed = Deferred.fromCoroutine(agent.close())
    assert [line.aborted for line in server.lines] == [False, True]
    assert not closed.called
    server.lines[1].ends(ConnectionLost())
    assert closed.called
    server.lines[0].says(OK)
    assert asked.result.code == 200
    assert server.lines[0].disconnecting
    assert clock.getDelayedCalls() == []
