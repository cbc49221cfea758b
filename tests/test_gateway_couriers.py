"""Which Courier is asked: the one that Chip is set to, or the one that a channel names."""

from __future__ import annotations

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred

from chip.gateway import courier as couriers
from chip.gateway.courier import CourierGateway
from chip.models import Channel, Incoming
from tests.support.scripted_http import Reply, ScriptedHttp

UUID = "3e7e5a52-9b5e-4ee8-8f36-0b9cd2c1d9e2"
PUBLIC = "a5f3c2de-0000-8000-8000-000000000001"
CHAT = "azosmAPAXirc3Cmu3TwMY6Yr"
ACCEPTED = Reply(body=b'{"message":"Message Accepted","data":[{"type":"msg","msg_uuid":"u1"}]}')


@pytest.fixture
def servers():
    with ScriptedHttp() as one, ScriptedHttp() as other:
        for server in (one, other):
            server.answers += [ACCEPTED] * 3
        yield one, other


@pytest.fixture
def gateway(servers):
    gateway = CourierGateway(
        reactor=reactor,
        domain=servers[0].url.removeprefix("http://"),
        tls=False,
        connect_timeout=30,
        timeout=30,
        parallel=2,
    )
    yield gateway
    pytest_twisted.blockon(ensureDeferred(gateway.close()))


def external(courier=""):
    return Channel(PUBLIC, 1, "Bearer s", UUID, courier=courier)


async def test_a_channel_that_names_a_courier_is_told_there(gateway, servers):
    one, other = servers
    answer = await gateway.post(external(other.url), CHAT, [Incoming("hello")])
    assert (answer.kind, answer.heard) == ("handled", ["u1"])
    assert [asked.path for asked in other.asked] == [f"/c/ex/{UUID}/receive"]
    assert one.asked == []


async def test_others_are_told_at_the_one_that_chip_is_set_to(gateway, servers):
    one, other = servers
    await gateway.post(external(), CHAT, [Incoming("hello")])
    assert len(one.asked) == 1
    assert other.asked == []


async def test_the_clients_that_are_kept_are_bounded(gateway, servers, monkeypatch):
    monkeypatch.setattr(couriers, "OTHERS", 1)
    for server in (*servers, *servers):
        answer = await gateway.post(external(server.url), CHAT, [Incoming("hello")])
        assert answer.kind == "handled"
