"""The visitor's socket: who is let in, what refusals say, and how connections end."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher

from chip.errors import Unavailable
from chip.limits import Limits
from tests.support.web import (
    CHANNEL,
    CHAT,
    UNKNOWN,
    UPGRADE,
    Answer,
    Counts,
    FakeChatServer,
    Wire,
    build_site,
    masked,
    request,
)

CLOSE = 8


class House:
    """A site with a clock, a server that remembers and an observer that counts."""

    def __init__(self, limits: dict[str, Any] | None = None, **options: Any) -> None:
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.server = FakeChatServer(starts=False)
        self.counts = Counts()
        self.site = build_site(
            self.server,
            self.clock,
            msgspec.structs.replace(Limits(), **(limits or {})),
            observer=self.counts,
            **options,
        )

    def asked(self, channel: str = CHANNEL, method: str = "GET", **headers: str | None) -> Answer:
        """The answer to a request for the socket on a connection of its own."""
        wire = Wire(self.site)
        wire.says(request(f"/wc/connect/{channel}", method, **headers))
        return wire.answer()

    def upgraded(self, address: Any = None, **headers: str | None) -> Wire:
        """A connection that has asked for a WebSocket."""
        wire = Wire(self.site, address)
        wire.says(request(f"/wc/connect/{CHANNEL}", **{**UPGRADE, **headers}))
        return wire

    def passes(self, seconds: float) -> None:
        for _ in range(round(seconds * 16)):
            self.clock.advance(1 / 16)


def address_of(house: House, wire: Wire) -> str:
    assert wire.answer().status == 101
    return house.server.sessions[-1].client.address


# The handshake.


def test_a_good_handshake_is_answered_without_subprotocol_or_compression():
    house = House()
    answer = house.asked(
        **UPGRADE,
        Sec_WebSocket_Protocol="chat, superchat",
        Sec_WebSocket_Extensions="permessage-deflate; client_max_window_bits",
        Origin="https://shop.example",
    )
    assert answer.status == 101
    assert answer.headers == {
        "server": "chip",
        "upgrade": "websocket",
        "connection": "upgrade",
        # RFC 6455's own example, in lower case.
        "sec-websocket-accept": "s3pplmbitxaq9kygzzhzrbk+xoo=",
    }
    assert house.counts.outcomes == ["accepted"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Upgrade": "WebSocket"},
        {"Upgrade": "h2c, websocket"},
        {"Connection": "keep-alive, Upgrade"},
        {"Connection": "UPGRADE"},
    ],
)
def test_what_a_handshake_may_look_like(headers):
    assert House().asked(**{**UPGRADE, **headers}).status == 101


def test_an_unknown_channel_is_refused_before_anything_else():
    house = House(allowed_origins=("https://shop.example",))
    for method in ("GET", "POST", "OPTIONS"):
        for headers in ({}, UPGRADE, {"Upgrade": "nonsense"}, {"Origin": "https://evil.example"}):
            answer = house.asked(UNKNOWN, method, **headers)
            assert (answer.status, answer.json) == (400, {"error": "no such channel"})
            assert answer.headers["access-control-allow-origin"] == "*"


def test_when_nobody_can_say_whether_there_is_such_a_channel_it_is_503():
    house = House()
    house.server.lookups.trouble = Unavailable("the database does not answer", retry_after=7)
    for headers in ({}, UPGRADE):
        answer = house.asked(**headers)
        assert answer.status == 503
        assert answer.headers["retry-after"] == "7"
        assert answer.headers["access-control-expose-headers"] == "retry-after"
        assert answer.json == {"error": "the database does not answer", "retry_after": 7}
    assert house.counts.outcomes == ["unavailable"] * 2


def test_an_unexpected_failure_is_500_and_is_logged_and_counted(expected_failures):
    house = House()
    house.server.lookups.trouble = RuntimeError("boom")
    assert house.asked(**UPGRADE).status == 500
    assert house.counts.outcomes == ["failed"]
    expected_failures.take(RuntimeError)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_plain_get_is_told_to_upgrade(method):
    wire = Wire(House().site)
    wire.says(request(f"/wc/connect/{CHANNEL}", method))
    head = bytes(wire.out).lower()
    assert head.startswith(b"http/1.1 426 ")
    assert b"\r\nupgrade: websocket\r\n" in head
    assert b"\r\nconnection: upgrade\r\n" in head
    assert b"\r\naccess-control-allow-origin: *\r\n" in head


def test_other_methods_without_an_upgrade_are_not_allowed():
    answer = House().asked(method="POST")
    assert (answer.status, answer.headers["allow"]) == (405, "get")


@pytest.mark.parametrize(
    "headers",
    [
        {"Upgrade": "h2c"},
        {"Connection": None},
        {"Connection": "keep-alive"},
        {"Sec_WebSocket_Version": None},
        {"Sec_WebSocket_Version": "8"},
        {"Sec_WebSocket_Version": "13, 8"},
        {"Sec_WebSocket_Key": None},
        {"Sec_WebSocket_Key": "short=="},
        {"Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZ!=="},
        {"Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Key: x"},
    ],
)
def test_a_broken_upgrade_is_a_bad_request(headers):
    house = House()
    answer = house.asked(**{**UPGRADE, **headers})
    assert answer.status == 400
    assert answer.json["error"]
    assert house.server.sessions == []
    assert house.counts.outcomes == ["bad_upgrade"]


def test_an_upgrade_takes_get_and_http_1_1():
    assert House().asked(method="POST", **UPGRADE).status == 400
    wire = Wire(House().site)
    wire.says(request(f"/wc/connect/{CHANNEL}", version="1.0", **UPGRADE))
    assert wire.answer().status == 400


def test_a_slow_lookup_does_not_lose_what_the_peer_sends_meanwhile():
    house = House()
    house.server.lookups.wait = Deferred()
    wire = house.upgraded()
    wire.says(masked(b"hello"))
    house.server.lookups.wait.callback(None)
    assert wire.answer().status == 101
    assert house.server.sessions[0].frames == [b"hello"]


def test_a_peer_that_leaves_during_a_slow_lookup_makes_no_session():
    house = House()
    house.server.lookups.wait = Deferred()
    house.upgraded().leaves()
    house.server.lookups.wait.callback(None)
    assert house.server.sessions == []


# Who may come in.


def test_only_allowed_websites_may_connect():
    house = House(allowed_origins=("https://shop.example", "https://*.shop.example"))
    assert house.asked(**UPGRADE, Origin="https://shop.example").status == 101
    assert house.asked(**UPGRADE, Origin="https://www.shop.example").status == 101
    assert house.asked(**UPGRADE).status == 101
    for headers in (UPGRADE, {}):
        for origin in ("https://evil.example", "null", "https://shop.example.evil.example"):
            answer = house.asked(**headers, Origin=origin)
            assert answer.status == 403
            assert answer.headers["access-control-allow-origin"] == "*"
    twice = "https://shop.example\r\nOrigin: https://evil.example"
    assert house.asked(**UPGRADE, Origin=twice).status == 403


def test_an_address_may_open_100_at_once_and_20_a_second():
    house = House()
    assert [house.upgraded().answer().status for _ in range(101)] == [101] * 100 + [429]
    refused = house.upgraded().answer()
    assert refused.headers["retry-after"] == "1"
    assert refused.json == {
        "error": "too many new connections from this address",
        "retry_after": 1,
    }
    house.clock.advance(1)
    assert [house.upgraded().answer().status for _ in range(21)] == [101] * 20 + [429]
    assert house.counts.outcomes.count("too_fast") == 3


def test_a_plain_get_tells_why_the_handshake_was_refused():
    house = House({"connects_burst": 1})
    assert house.upgraded().answer().status == 101
    handshake, plain = house.upgraded().answer(), house.asked()
    assert (handshake.status, plain.status) == (429, 429)
    assert plain.json == handshake.json
    assert plain.headers["retry-after"] == "1"
    assert plain.headers["access-control-allow-origin"] == "*"


def test_an_address_may_have_200_open():
    house = House({"connects_burst": 1000})
    wires = [house.upgraded() for _ in range(200)]
    assert house.upgraded().answer().status == 429
    wires[0].leaves()
    assert house.upgraded().answer().status == 101
    assert house.counts.outcomes.count("too_many") == 1


def test_the_process_may_have_so_many_open():
    house = House({"sockets": 3}, trusted=("192.0.2.7",))
    wires = [house.upgraded() for _ in range(3)]
    refused = house.upgraded().answer()
    assert (refused.status, refused.headers["retry-after"]) == (503, "10")
    assert house.counts.outcomes[-1] == "full"
    wires[1].leaves()
    assert house.upgraded().answer().status == 101


def test_caps_count_by_whom_a_trusted_proxy_names():
    house = House({"sockets_per_address": 1}, trusted=("192.0.2.7",))
    assert house.upgraded(X_Forwarded_For="203.0.113.1").answer().status == 101
    assert house.upgraded(X_Forwarded_For="203.0.113.1").answer().status == 429
    assert house.upgraded(X_Forwarded_For="203.0.113.2").answer().status == 101
    assert house.upgraded().answer().status == 101
    assert house.upgraded().answer().status == 101


def test_a_stranger_cannot_name_somebody_else():
    house = House({"sockets_per_address": 1})
    assert house.upgraded(X_Forwarded_For="203.0.113.1").answer().status == 101
    assert house.upgraded(X_Forwarded_For="203.0.113.2").answer().status == 429


def test_sessions_know_the_address_that_counts():
    house = House(trusted=("192.0.2.7", "unix"))
    assert address_of(house, house.upgraded(X_Forwarded_For="2001:db8::1")) == "2001:db8::/64"
    assert address_of(house, house.upgraded()) == ""
    assert address_of(house, house.upgraded(UNIXAddress(b"/run/chip"))) == ""


def test_limits_can_be_off():
    house = House()
    house.site = build_site(house.server, house.clock, Limits().without_rates())
    assert {house.upgraded().answer().status for _ in range(300)} == {101}


# A chat has to begin.


def test_a_visitor_who_starts_no_chat_is_closed_after_10_seconds():
    house = House()
    wire = house.upgraded()
    wire.answer()
    house.passes(9.9)
    assert wire.close_code() is None
    house.passes(0.2)
    assert wire.close_code() == 4001


def test_asking_whether_anybody_is_there_starts_no_chat():
    house = House()
    wire = house.upgraded()
    wire.answer()
    house.passes(9)
    wire.says(masked(b'{"type":"ping"}'))
    house.passes(1.2)
    assert wire.close_code() == 4001


def test_a_visitor_in_a_chat_stays():
    house = House()
    wire = house.upgraded()
    wire.answer()
    house.server.sessions[0].chat = CHAT
    house.passes(25)
    assert wire.close_code() is None


def test_a_chat_that_takes_long_to_start_is_waited_for():
    house = House()
    wire = house.upgraded()
    wire.answer()
    wire.says(masked(b'{"type":"start_chat"}'))
    house.passes(28)
    assert wire.close_code() is None
    house.server.sessions[0].chat = CHAT
    assert wire.is_open


def test_a_visitor_whose_chat_could_not_start_may_try_again_and_must():
    house = House()
    wire = house.upgraded()
    wire.answer()
    session = house.server.sessions[0]
    wire.says(masked(b'{"type":"start_chat"}'))
    session.errors += 1
    house.passes(19.9)
    assert wire.close_code() is None
    house.passes(0.5)
    assert wire.close_code() == 4001


# Goodbyes.


class Lines:
    """The log lines of the web layer, as they were logged."""

    def __enter__(self) -> list[dict[str, Any]]:
        self.events: list[dict[str, Any]] = []
        globalLogPublisher.addObserver(self._note)
        return self.events

    def __exit__(self, *_: object) -> None:
        globalLogPublisher.removeObserver(self._note)

    def _note(self, event: dict[str, Any]) -> None:
        if event.get("log_namespace", "").startswith("chip.web"):
            self.events.append(event)


def test_a_closed_connection_is_one_log_line_with_its_counters():
    house = House()
    wire = house.upgraded()
    wire.answer()
    session = house.server.sessions[0]
    session.chat, session.events_sent, session.errors = CHAT, 3, 1
    wire.says(masked(b"secret words"))
    session.client.send(b"secret answer")
    house.clock.advance(12.34)
    with Lines() as lines:
        wire.leaves()
    [line] = lines
    assert {name: line[name] for name in ("connection", "code", "chat", "seconds")} == {
        "connection": "s1",
        "code": 1006,
        "chat": "65vb…@7d62d551",
        "seconds": 12.3,
    }
    assert (line["commands"], line["errors"], line["events"]) == (1, 1, 3)
    assert (line["bytes_in"], line["bytes_out"]) == (18, 15)
    shown = " ".join(str(value) for value in line.values())
    assert "secret" not in shown
    assert CHAT.chat_id not in shown
    assert house.counts.codes == [1006]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (masked(b"\x03\xe8", opcode=CLOSE), 1000),
        (masked(b"\x03\xe9", opcode=CLOSE), 1001),
        (masked(b"", opcode=CLOSE), 1005),
        (masked(b"\xff"), 1007),
    ],
)
def test_the_code_that_is_logged_is_ours_or_else_the_peers(said, code):
    house = House()
    wire = house.upgraded()
    wire.answer()
    wire.says(said)
    house.passes(1)
    assert house.counts.codes == [code]


def test_stopping_tells_everybody_to_come_back_spread_over_a_while():
    house = House({"connects_burst": 1000, "sockets_per_address": 1000})
    wires = [house.upgraded() for _ in range(40)]
    for wire in wires:
        wire.answer()
    done = ensureDeferred(house.site.drain(10))
    told: list[int] = []
    for _ in range(16):
        house.clock.advance(1 / 64)
        now = [wire for wire in wires if wire.is_open and wire.close_code() == 1012]
        told.append(len(now))
        for wire in now:
            wire.says(masked(b"\x03\xf4", opcode=CLOSE))
    assert (max(told), sum(told)) == (10, 40)
    assert done.called
    assert house.counts.codes == [1012] * 40


def test_whoever_comes_while_it_stops_is_sent_elsewhere():
    house = House()
    wire = house.upgraded()
    wire.answer()
    done = ensureDeferred(house.site.drain(10))
    refused = house.upgraded().answer()
    assert (refused.status, refused.headers["retry-after"]) == (503, "2")
    assert house.asked().status == 503
    wire.leaves()
    house.passes(0.1)
    assert done.called


def test_whoever_does_not_go_in_time_is_dropped():
    house = House()
    wire = house.upgraded()
    wire.answer()
    wire.fill()
    house.server.sessions[0].client.send(b"never read")
    done = ensureDeferred(house.site.drain(2))
    house.passes(1.9)
    assert wire.is_open
    house.passes(0.2)
    assert not wire.is_open
    assert done.called
    assert house.server.sessions[0].closes == 1
