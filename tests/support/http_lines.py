"""Connections to Courier, in memory: the server's ends of them, which the tests play."""

from __future__ import annotations

import treq
from twisted.internet.defer import fail, succeed
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from chip.gateway.http_agent import KeepAliveAgent

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
MAX_ANSWER = 200
CONNECT_TIMEOUT = 3


class Line(StringTransport):
    """The server's end of a connection."""

    def __init__(self, protocol):
        super().__init__()
        self.protocol = protocol
        self.aborted = False

    def abortConnection(self):
        self.aborted = self.disconnecting = True

    def says(self, data):
        self.protocol.dataReceived(data)

    def ends(self, reason):
        self.protocol.connectionLost(Failure(reason))


class Server:
    """An endpoint that connects at once, or fails with `problem`."""

    problem = None

    def __init__(self):
        self.lines = []

    def connect(self, factory):
        if self.problem:
            return fail(self.problem)
        protocol = factory.buildProtocol(None)
        self.lines.append(Line(protocol))
        protocol.makeConnection(self.lines[-1])
        return succeed(protocol)


def agent_for(server, clock, *, secure=False):
    return KeepAliveAgent(
        clock,
        server,
        secure=secure,
        connect_timeout=CONNECT_TIMEOUT,
        connections=2,
        max_answer=MAX_ANSWER,
    )


def ask(agent, path="/"):
    return agent.request(b"POST", b"http://courier.example" + path.encode())


def swallow(asked):
    """What `asked` failed with."""
    problems = []
    asked.addErrback(lambda failure: problems.append(failure.value))
    return problems[0]


def heard(response):
    """The body of a response."""
    return treq.content(response).result
