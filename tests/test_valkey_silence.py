"""A server that falls silent: nobody waits for it for ever."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from chip.limits import Limits
from chip.queue.valkey.address import parse_url
from chip.queue.valkey.queue import ValkeyQueue

LOG_IN = 2
"""Commands that a connection begins with."""


class Transport(StringTransport):
    """One that tells its protocol at once that it was aborted."""

    protocol: Any

    def abortConnection(self) -> None:
        if not self.disconnecting:
            self.disconnecting = True
            self.protocol.connectionLost(Failure(ConnectionAborted()))


class Reactor(MemoryReactorClock):
    """Connects to a server that answers so many commands of each connection, and no more."""

    def __init__(self, answers: int) -> None:
        super().__init__()
        self._answers = answers
        self.connections = 0

    def advance(self, rightNow: float) -> None:
        for _, factory, *_ in self.unixClients[self.connections :]:
            self.connections += 1
            protocol = factory.buildProtocol(None)
            transport = Transport()
            transport.protocol = protocol
            protocol.makeConnection(transport)
            for _ in range(self._answers):
                protocol.dataReceived(b"+OK\r\n")
        super().advance(rightNow)


@pytest.mark.parametrize("answers", range(LOG_IN + 2))
def test_a_server_that_falls_silent_is_given_up_whatever_it_is_asked(answers):
    reactor = Reactor(answers)
    url = parse_url("unix:///run/valkey.sock")
    queue = ValkeyQueue(url, reactor=reactor, limits=Limits())
    ended: list[Any] = []
    Deferred.fromCoroutine(queue.open()).addBoth(ended.append)
    reactor.pump([0.5] * 60)
    [failure] = ended
    assert "cannot use Valkey" in failure.getErrorMessage()
    assert not reactor.getDelayedCalls()
