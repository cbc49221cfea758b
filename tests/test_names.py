"""Names of hosts: those that do not resolve hold up nothing else."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager

import pytest
from twisted.internet import reactor
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.error import DNSLookupError
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.threads import deferToThread

from chip.app.names import MOST_LOOKUPS, MOST_SLOW, SLOW, NameResolver
from tests.support.process import eventually

AT = ("192.0.2.1", 80)
INFO = (socket.AF_INET, socket.SOCK_STREAM, 6, "", AT)
INFO_6 = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2001:db8::1", 80, 0, 0))


class Names:
    """A resolver, and name servers that answer for names that begin with "well" alone. As the
    reactor it has, in place of Twisted's, one that notes what is left to it."""

    def __init__(self):
        self.clock = Clock()
        self.seconds = self.clock.seconds
        self.callFromThread = reactor.callFromThread
        self.asked = []
        self.left_alone = []
        self.answers = threading.Event()
        self.installed = self
        self.resolver = NameResolver(self, self.look_up)
        self.resolver.startService()

    def installNameResolver(self, resolver):
        before, self.installed = self.installed, resolver
        return before

    def resolveHostName(self, receiver, name, *_):
        self.left_alone.append(name)

    def look_up(self, name, port, family, kind):
        self.asked.append(name)
        if not name.startswith("well"):
            assert self.answers.wait(60)
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return [INFO, INFO_6]

    def resolve(self, name, port=80, *more):
        """Fires with the addresses."""
        return Receiver().of(self.resolver, name, port, *more)


class Receiver:
    def __init__(self):
        self.addresses = []
        self.done = Deferred()

    def of(self, resolver, *question):
        resolver.resolveHostName(self, *question)
        return self.done

    def resolutionBegan(self, resolution):
        assert not self.done.called

    def addressResolved(self, address):
        self.addresses.append(address)

    def resolutionComplete(self):
        self.done.callback(self.addresses)


@pytest.fixture
def names():
    names = Names()
    yield names
    names.answers.set()


def hung(names, count):
    return [names.resolve(f"hangs-{number}.example") for number in range(count)]


async def all_slow(names, lookups):
    names.clock.advance(SLOW * 1.1)
    names.answers.set()
    for lookup in lookups:
        assert await lookup == []
    names.answers = threading.Event()
    names.asked.clear()


async def test_a_name_has_all_of_its_addresses_of_the_kinds_that_are_wanted(names):
    four, six = IPv4Address("TCP", *AT), IPv6Address("TCP", "2001:db8::1", 80)
    assert await names.resolve("well.example") == [four, six]
    assert await names.resolve("well.example", 80, [IPv6Address]) == [six]


async def test_a_name_is_looked_up_once_at_a_time_for_all_who_ask(names):
    asked = [names.resolve("hangs.example") for _ in range(50)]
    assert not any(one.called for one in asked)
    names.answers.set()
    for one in asked:
        assert await one == []
    assert names.asked == ["hangs.example"]
    await names.resolve("hangs.example")
    assert len(names.asked) == 2


async def test_names_that_hang_hold_up_no_other(names):
    lookups = hung(names, MOST_LOOKUPS - 1)
    assert await names.resolve("well.example")
    assert not any(one.called for one in lookups)


async def test_what_would_be_one_lookup_too_many_fails_at_once_and_the_log_says_why(names, log):
    hung(names, MOST_LOOKUPS)
    assert await names.resolve("well.example") == []
    assert len(log.about(f"{MOST_LOOKUPS} others wait for an answer")) == 1
    await deferToThread(eventually, lambda: len(names.asked) >= MOST_LOOKUPS, "all are looked up")
    assert len(names.asked) == MOST_LOOKUPS


async def test_a_lookup_that_fails_in_any_way_finds_nothing_and_the_next_one_is_made(names):
    def breaks(*question):
        raise ZeroDivisionError

    resolver = NameResolver(names, breaks)
    for _ in range(2):
        assert await Receiver().of(resolver, "breaks.example", 80) == []


async def test_without_a_thread_to_spare_nothing_is_found_until_there_is_one(names, monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as without:
        without.setattr(threading.Thread, "start", refuse)
        assert await names.resolve("well.example") == []
    assert await names.resolve("well.example")


async def test_names_that_hung_before_leave_room_for_the_others(names):
    await all_slow(names, hung(names, MOST_LOOKUPS))
    again = hung(names, MOST_LOOKUPS)
    assert sum(not one.called for one in again) == MOST_SLOW
    assert await names.resolve("well.example")


async def test_a_name_that_has_an_answer_again_is_no_slow_one_any_more(names):
    await all_slow(names, hung(names, MOST_LOOKUPS))
    names.answers.set()
    assert await names.resolve("hangs-0.example") == []
    names.answers = threading.Event()
    hung_again = [names.resolve(f"hangs-{number}.example") for number in range(1, MOST_LOOKUPS)]
    assert sum(not one.called for one in hung_again) == MOST_SLOW
    assert not names.resolve("hangs-0.example").called


def test_addresses_are_looked_up_by_nobody(names):
    hung(names, MOST_LOOKUPS)
    for kind, address in ((IPv4Address, "192.0.2.1"), (IPv6Address, "2001:db8::1")):
        assert names.resolve(address).result == [kind("TCP", address, 80)]
    assert names.resolve("192.0.2.1", 80, [IPv6Address]).result == []
    assert names.left_alone == []


def test_this_machine_is_not_looked_up_among_them(names):
    hung(names, MOST_LOOKUPS)
    names.resolve("localhost")
    assert names.left_alone == ["localhost"]


def test_the_reactors_own_is_back_after_the_stop(names):
    assert names.installed is names.resolver
    names.resolver.stopService()
    assert names.installed is names


# On the reactor itself


@contextmanager
def installed(names):
    resolver = NameResolver(reactor, names.look_up)
    resolver.startService()
    try:
        yield
    finally:
        resolver.stopService()


async def test_a_name_that_many_ask_for_leaves_the_reactors_threads_free(names):
    with installed(names):
        endpoint = HostnameEndpoint(reactor, "hangs.example", 80)
        connecting = [endpoint.connect(Factory.forProtocol(Protocol)) for _ in range(50)]
        assert await deferToThread(lambda: "free") == "free"
        assert not any(one.called for one in connecting)
        names.answers.set()
        for one in connecting:
            with pytest.raises(DNSLookupError):
                await one
