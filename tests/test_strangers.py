"""What a stranger who asks for a lot takes from everybody else: the web layer on a real server."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from chip.chat.lookups import IN_VAIN_PER_SECOND
from chip.models import Channel, Contact
from tests.support.commands import say, start
from tests.support.memory_chip import BOB, CHANNEL, MemoryChip
from tests.support.web import Answer, Counts, Wire, build_site, masked, request

STRANGER, COURIER, VISITOR = "198.51.100.66", "192.0.2.10", "203.0.113.9"


class Rig:
    """A Chip with many channels, none of which has been asked for yet."""

    def __init__(self, **limits: Any) -> None:
        self.chip = MemoryChip(**limits)
        self.clock = self.chip.clock
        self.counts = Counts()
        self.site = build_site(self.chip.server, self.clock, self.chip.limits, observer=self.counts)
        self._fresh = iter(range(10**6))

    def new_channel(self) -> str:
        """A channel that nobody has asked for so far, with Bob's chat in it."""
        uuid = str(UUID(int=next(self._fresh)))
        self.chip.store.channels[uuid] = Channel(uuid, CHANNEL.org_id, CHANNEL.secret)
        return uuid

    def posts(self, host: str, channel: str, secret: str = CHANNEL.secret) -> Answer:
        msg = {"id": next(self._fresh) + 1, "text": "Hi"}
        body = json.dumps({"chat_id": BOB.chat_id, "secret": secret, "msg": msg}).encode()
        wire = Wire(self.site, host)
        wire.says(request(f"/wc/send/{channel}", "POST", body))
        return wire.answer()

    def connects(self, host: str, channel: str) -> Answer:
        return Wire(self.site, host).upgrades(channel)

    def asks_when(self, host: str, channel: str) -> Answer:
        """A page asks when somebody answers."""
        wire = Wire(self.site, host)
        wire.says(request(f"/wc/availability/{channel}"))
        return wire.answer()

    def new_chat(self) -> str:
        """A chat that nobody has asked for so far."""
        number = next(self._fresh)
        chat_id = f"C{number:023}"
        self.chip.store.contacts[1, chat_id] = Contact(number, number, chat_id)
        return chat_id

    def resumes(self, host: str, chat_id: str) -> dict[str, Any]:
        """What a visitor hears who comes back into a chat."""
        visitor = self.chip.visitor(address=host)
        visitor.says(start(chat_id))
        return visitor.hears()[0]

    def everybody_else_is_served(self) -> bool:
        """Courier and a visitor come for channels that are not remembered."""
        sends = [self.posts(COURIER, self.new_channel()).status for _ in range(3)]
        handshakes = [self.connects(VISITOR, self.new_channel()).status for _ in range(3)]
        resumed = [self.resumes(VISITOR, self.new_chat())["type"] for _ in range(3)]
        return (sends, handshakes, resumed) == ([200] * 3, [101] * 3, ["chat_resumed"] * 3)


@pytest.fixture
def rig():
    return Rig()


def nobody(number: int) -> str:
    """A channel that does not exist."""
    return str(UUID(int=2**64 + number))


def pongs(*wires: Wire) -> int:
    """How many of these have been answered."""
    return sum(any(opcode == 1 for opcode, _ in wire.frames()) for wire in wires)


def test_what_a_stranger_says_on_many_connections_holds_nobody_else_up(rig):
    """It waits, and is all heard in the end: 16 commands at a time."""
    ping = masked(b'{"type":"ping"}')
    strangers = [Wire(rig.site, STRANGER) for _ in range(100)]
    visitor = Wire(rig.site, VISITOR)
    for wire in [*strangers, visitor]:
        assert wire.upgrades().status == 101
    for wire in strangers:
        wire.says(ping)
    visitor.says(ping)
    assert pongs(visitor) == 1
    assert pongs(*strangers) == rig.chip.limits.commands_at_once
    rig.clock.advance(0)
    assert pongs(*strangers) == 100 - rig.chip.limits.commands_at_once


def test_what_waits_for_its_turn_ends_with_its_connection(rig):
    strangers = [Wire(rig.site, STRANGER) for _ in range(20)]
    for wire in strangers:
        assert wire.upgrades().status == 101
    *others, chatty, gone = strangers
    for wire in others:
        wire.says(masked(b'{"type":"ping"}'))
    for wire in (chatty, gone):
        wire.says(3 * masked(b'{"type":"ping"}'))
    gone.leaves()
    rig.clock.advance(0)
    assert len(chatty.frames()) == 3
    assert pongs(gone) == 0


STRANGERS = {
    "sends to unknown channels": lambda rig, number: rig.posts(STRANGER, nobody(number)),
    "handshakes for unknown channels": lambda rig, number: rig.connects(STRANGER, nobody(number)),
    "questions about unknown channels": lambda rig, number: rig.asks_when(STRANGER, nobody(number)),
    "wrong secrets": lambda rig, _: rig.posts(STRANGER, CHANNEL.uuid, "guess"),
    "from all over a network": lambda rig, number: rig.posts(
        f"2001:db8:7:{number:x}::1", nobody(number)
    ),
}


@pytest.mark.parametrize("asks", STRANGERS.values(), ids=STRANGERS)
def test_a_stranger_who_asks_in_vain_uses_up_no_lookups_of_others(rig, asks):
    number = 0
    for _ in range(5):
        for _ in range(300):
            asks(rig, number)
            number += 1
        assert rig.everybody_else_is_served()
        rig.clock.advance(1)


CROWDS = {
    "sends to unknown channels": lambda rig, host, number: rig.posts(host, nobody(number)),
    "handshakes for unknown channels": lambda rig, host, number: rig.connects(host, nobody(number)),
    "questions about unknown channels": lambda rig, host, number: rig.asks_when(
        host, nobody(number)
    ),
    "wrong secrets": lambda rig, host, _: rig.posts(host, CHANNEL.uuid, "guess"),
    "chats that do not exist": lambda rig, host, number: rig.resumes(host, f"{number:024}"),
}


@pytest.mark.parametrize("asks", CROWDS.values(), ids=CROWDS)
def test_a_crowd_of_strangers_uses_up_no_lookups_of_others(rig, asks):
    number = 0
    for _ in range(3):
        for host in range(60):
            for _ in range(10):
                asks(rig, f"198.51.100.{host}", number)
                number += 1
        assert rig.everybody_else_is_served()
        rig.clock.advance(1)


@pytest.mark.parametrize("asks", [Rig.posts, Rig.connects, Rig.asks_when])
def test_a_crowd_of_strangers_asks_the_database_only_so_often(rig, asks):
    before = rig.chip.store.queries
    for number in range(6000):
        asks(rig, f"198.51.100.{number % 60}", nobody(number))
    assert rig.chip.store.queries - before <= IN_VAIN_PER_SECOND + 60


def test_a_secret_that_was_changed_is_taken_whatever_strangers_do(rig):
    channel = rig.new_channel()
    assert rig.posts(COURIER, channel).status == 200
    for number in range(1000):
        rig.posts(f"198.51.100.{number % 100}", channel, "guess")
    rig.chip.store.channels[channel] = Channel(channel, CHANNEL.org_id, "open")
    assert rig.posts(COURIER, channel, "open").status == 200


def test_he_is_told_to_wait_and_never_that_nobody_is_there(rig):
    sends = [rig.posts(STRANGER, nobody(number)) for number in range(150)]
    assert [answer.status for answer in sends] == [400] * 100 + [503] * 50
    assert sends[-1].headers["retry-after"] == "1"
    answer = rig.connects(STRANGER, nobody(1000))
    assert (answer.status, answer.headers["retry-after"]) == (429, "1")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert rig.counts.outcomes[-1] == "in_vain"
    rig.clock.advance(1)
    assert rig.connects(STRANGER, nobody(1000)).status == 400


def test_what_exists_costs_nobody_anything(rig):
    for _ in range(500):
        assert rig.posts(COURIER, rig.new_channel()).status == 200
    assert rig.posts(COURIER, nobody(1)).status == 400


def test_who_asked_too_often_is_still_served_where_the_channel_is_known(rig):
    channel = rig.new_channel()
    assert rig.posts(COURIER, channel).status == 200
    for number in range(200):
        rig.posts(COURIER, nobody(number))
    assert rig.posts(COURIER, channel).status == 200


def test_a_chat_that_says_too_much_takes_nothing_from_others_of_its_address():
    rig = Rig(sends_burst=1, address_sends_burst=3)
    busy = rig.chip.visitor(address=VISITOR)
    busy.says(start(rig.new_chat()), *[say("Hi", ref=f"c{n}") for n in range(50)])
    for _ in range(2):
        other = rig.chip.visitor(address=VISITOR)
        other.says(start(rig.new_chat()), say("Hi", ref="c1"))
        assert other.hears()[-1] == {"type": "msg_accepted", "ref": "c1"}


def test_one_address_cannot_fill_the_spool_while_courier_is_away():
    """What all chats may have waiting is shared; so an address has a part of it, in however many
    chats and from wherever in its network."""
    rig = Rig(address_sends_burst=100)
    for address, most in ((STRANGER, 100), ("2001:db8:7:{:x}::/64", 1000)):
        accepted = 0
        for number in range(20):
            visitor = rig.chip.visitor(address=address.format(number))
            visitor.says(start(rig.new_chat()))
            visitor.hears()
            visitor.says(*[say("Hi", ref=f"c{n}") for n in range(60)])
            accepted += sum(event["type"] == "msg_accepted" for event in visitor.hears())
            visitor.leaves()
        assert accepted == most
    visitor = rig.chip.visitor(address=VISITOR)
    visitor.says(start(rig.new_chat()), say("Hi", ref="c1"))
    assert visitor.hears()[-1] == {"type": "msg_accepted", "ref": "c1"}
