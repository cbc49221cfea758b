"""How long the gateways' HTTP client waits for its server, and what it says of one that is late."""

from __future__ import annotations

import pytest
from twisted.internet.defer import ensureDeferred
from twisted.internet.interfaces import IReactorPluggableNameResolver
from twisted.internet.testing import MemoryReactorClock
from zope.interface import implementer

from chip.app.names import NameResolver
from chip.gateway.http_agent import Unreachable
from chip.gateway.http_client import HttpClient
from chip.logs.network import in_words
from tests.support.http_lines import swallow


@implementer(IReactorPluggableNameResolver)
class Reactor(MemoryReactorClock):
    """No connection comes about unless a test makes one."""

    def __init__(self):
        super().__init__()
        self.nameResolver = NameResolver(self)


@pytest.mark.parametrize(("connecting", "in_all"), [(3, 35), (35, 3)])
def test_a_server_that_is_not_reached_in_time_is_late_whichever_time_ends_first(connecting, in_all):
    reactor = Reactor()
    client = HttpClient(
        reactor, "http://192.0.2.1", connections=1, connect_timeout=connecting, timeout=in_all
    )
    asked = ensureDeferred(client.post("/", b"{}", b"application/json"))
    assert [host for host, *_ in reactor.tcpClients] == ["192.0.2.1"]
    reactor.advance(2)
    assert not asked.called
    reactor.advance(1)
    problem = swallow(asked)
    assert isinstance(problem, Unreachable)
    assert in_words(problem.cause) == "it did not answer in time"
