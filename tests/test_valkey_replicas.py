"""Whether replicas have what was stored: one WAIT for all who ask meanwhile."""

from __future__ import annotations

import re

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.testing import StringTransport

from chip.queue.valkey.protocol import CommandProtocol
from chip.queue.valkey.replicas import Replicas

ASKED = re.compile(
    rb"\*4\r\n\$4\r\nEVAL\r\n\$\d+\r\n[^$]*\$1\r\n1\r\n\$\d+\r\n(.*)\r\n"
    rb"\*3\r\n\$4\r\nWAIT\r\n\$1\r\n2\r\n\$3\r\n500\r\n"
)
"""A write of a key, and a WAIT."""
KEY = b"chat:replicated"
WRITTEN = b":1"


class Server:
    """What a server has been asked since the last look, and what it answers."""

    def __init__(self) -> None:
        self._transport = StringTransport()
        self.protocol = CommandProtocol()
        self.protocol.makeConnection(self._transport)
        self.replicas = Replicas(self.protocol, 2)

    def asked(self) -> bytes:
        """The key that was written before it was waited for replicas."""
        found = ASKED.fullmatch(self._transport.value())
        assert found is not None
        self._transport.clear()
        return found[1]

    def answers(self, *answers: bytes) -> None:
        for answer in answers:
            self.protocol.dataReceived(answer + b"\r\n")

    def wait(self, key: bytes = KEY) -> Deferred[bool]:
        """Somebody asks whether the replicas have what was stored."""
        return self.replicas.have_it(key)

    def is_cut_off(self) -> None:
        self.answers(b"-CLUSTERDOWN The cluster is down", b":0")

    def goes_away(self) -> None:
        self.protocol.connectionLost(ConnectionError())


@pytest.fixture
def server():
    return Server()


def heard(*waiting):
    """What each of them was told, None for nothing yet."""
    return [one.result if one.called else None for one in waiting]


def told(waiting):
    """What somebody is told, as soon as he is."""
    verdicts = []
    waiting.addCallback(verdicts.append)
    return verdicts


@pytest.mark.parametrize(("have_it", "enough"), [(b":1", False), (b":2", True), (b":3", True)])
def test_as_many_as_are_needed_are_enough(server, have_it, enough):
    one = server.wait()
    assert server.asked() == KEY
    server.answers(WRITTEN, have_it)
    assert heard(one) == [enough]


def test_those_who_ask_while_one_waits_share_the_next(server):
    first = server.wait()
    second, third = (
        server.wait(),
        server.wait(),
    )
    assert server.asked() == KEY
    server.answers(WRITTEN, b":2")
    assert heard(first, second, third) == [True, None, None]
    assert server.asked() == KEY
    server.answers(WRITTEN, b":0")
    assert heard(first, second, third) == [True, False, False]


def test_where_nothing_can_be_written_a_count_of_replicas_means_nothing(server):
    one, other = (
        server.wait(),
        server.wait(),
    )
    server.answers(b"-OOM command not allowed", b":2")
    (refusal,) = heard(one)
    assert str(refusal) == "OOM command not allowed"
    server.answers(b"-READONLY You can't write", b"-ERR WAIT cannot be used")
    (refusal,) = heard(other)
    assert str(refusal) == "READONLY You can't write"
    again = server.wait()
    server.answers(WRITTEN, b":2")
    assert heard(again) == [True]


def test_a_loss_is_told_before_those_who_wait_hear_of_it():
    """Whoever asks again at once must not be sent to the connection that is gone."""
    server, order = Server(), []
    server.protocol.lost = lambda _: order.append("lost")
    server.protocol.request(b"*1\r\n$4\r\nPING\r\n").addErrback(lambda _: order.append("no answer"))
    server.goes_away()
    assert order == ["lost", "no answer"]


@pytest.mark.parametrize("end", [Server.goes_away, Server.is_cut_off])
def test_where_the_server_is_gone_nobody_says_that_replicas_were_too_few(server, end):
    one, other = told(server.wait()), told(server.wait())
    end(server)
    assert one == other == [None]


def test_who_gave_a_key_that_the_server_does_not_serve_any_more_stops_nobody_else(server):
    first = told(server.wait())
    server.asked()
    one = told(server.wait())
    moved, also_moved = told(server.wait(b"moved")), told(server.wait(b"moved"))
    server.answers(WRITTEN, b":2")
    assert server.asked() == b"moved"
    server.answers(b"-MOVED 3999 127.0.0.1:6381", b":0")
    assert (first, one, moved, also_moved) == ([True], [], [None], [None])
    assert server.asked() == KEY
    server.answers(WRITTEN, b":2")
    assert one == [True]
