"""The visitor's socket: how the handshake goes, who is let in, and what refusals say."""

from __future__ import annotations

import pytest
from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred

from chip.errors import Unavailable
from chip.limits import Limits
from tests.support.connect_rig import ConnectRig
from tests.support.web import CHANNEL, UNKNOWN, UPGRADE, Wire, build_site, masked, request


def address_of(rig: ConnectRig, wire: Wire) -> str:
    assert wire.answer().status == 101
    return rig.server.sessions[-1].client.address


# The handshake.


def test_a_good_handshake_is_answered_without_subprotocol_or_compression():
    rig = ConnectRig()
    answer = rig.asked(
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
    assert rig.counts.outcomes == ["accepted"]


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
    assert ConnectRig().asked(**{**UPGRADE, **headers}).status == 101


def test_an_unknown_channel_is_refused_before_anything_else():
    rig = ConnectRig(allowed_origins=("https://shop.example",))
    for method in ("GET", "POST", "OPTIONS"):
        for headers in ({}, UPGRADE, {"Upgrade": "nonsense"}, {"Origin": "https://evil.example"}):
            answer = rig.asked(UNKNOWN, method, **headers)
            assert (answer.status, answer.json) == (400, {"error": "no such channel"})
            assert answer.headers["access-control-allow-origin"] == "*"


def test_when_nobody_can_say_whether_there_is_such_a_channel_it_is_503():
    rig = ConnectRig()
    rig.server.lookups.trouble = Unavailable("the database does not answer", retry_after=7)
    for headers in ({}, UPGRADE):
        answer = rig.asked(**headers)
        assert answer.status == 503
        assert answer.headers["retry-after"] == "7"
        assert answer.headers["access-control-expose-headers"] == "retry-after"
        assert answer.json == {"error": "the database does not answer", "retry_after": 7}
    assert rig.counts.outcomes == ["unavailable"] * 2


def test_an_unexpected_failure_is_500_and_is_logged_and_counted(expected_failures):
    rig = ConnectRig()
    rig.server.lookups.trouble = RuntimeError("boom")
    assert rig.asked(**UPGRADE).status == 500
    assert rig.counts.outcomes == ["failed"]
    expected_failures.take(RuntimeError)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_plain_get_is_told_to_upgrade(method):
    wire = Wire(ConnectRig().site)
    wire.says(request(f"/wc/connect/{CHANNEL}", method))
    head = bytes(wire.out).lower()
    assert head.startswith(b"http/1.1 426 ")
    assert b"\r\nupgrade: websocket\r\n" in head
    assert b"\r\nconnection: upgrade\r\n" in head
    assert b"\r\naccess-control-allow-origin: *\r\n" in head


@pytest.mark.parametrize("headers", [{}, UPGRADE], ids=["plain", "upgrade"])
@pytest.mark.parametrize("method", ["POST", "PUT", "OPTIONS"])
def test_other_methods_are_not_allowed(method, headers):
    answer = ConnectRig().asked(method=method, **headers)
    assert (answer.status, answer.headers["allow"]) == (405, "get, head")


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
    rig = ConnectRig()
    answer = rig.asked(**{**UPGRADE, **headers})
    assert answer.status == 400
    assert answer.json["error"]
    assert rig.server.sessions == []
    assert rig.counts.outcomes == ["bad_upgrade"]


def test_an_upgrade_takes_get_and_http_1_1():
    assert ConnectRig().asked(method="HEAD", **UPGRADE).status == 400
    wire = Wire(ConnectRig().site)
    wire.says(request(f"/wc/connect/{CHANNEL}", version="1.0", **UPGRADE))
    assert wire.answer().status == 400


def test_a_slow_lookup_does_not_lose_what_the_peer_sends_meanwhile():
    rig = ConnectRig()
    rig.server.lookups.wait = Deferred()
    wire = rig.upgraded()
    wire.says(masked(b"hello"))
    rig.server.lookups.wait.callback(None)
    assert wire.answer().status == 101
    assert rig.server.sessions[0].frames == [b"hello"]


def test_a_peer_that_leaves_during_a_slow_lookup_makes_no_session():
    rig = ConnectRig()
    rig.server.lookups.wait = Deferred()
    rig.upgraded().leaves()
    rig.server.lookups.wait.callback(None)
    assert rig.server.sessions == []


# Who may come in.


def test_only_allowed_websites_may_connect():
    rig = ConnectRig(allowed_origins=("https://shop.example", "https://*.shop.example"))
    assert rig.asked(**UPGRADE, Origin="https://shop.example").status == 101
    assert rig.asked(**UPGRADE, Origin="https://www.shop.example").status == 101
    assert rig.asked(**UPGRADE).status == 101
    for headers in (UPGRADE, {}):
        for origin in ("https://evil.example", "null", "https://shop.example.evil.example"):
            answer = rig.asked(**headers, Origin=origin)
            assert answer.status == 403
            assert answer.headers["access-control-allow-origin"] == "*"
    twice = "https://shop.example\r\nOrigin: https://evil.example"
    assert rig.asked(**UPGRADE, Origin=twice).status == 403


SHOP_ONLY = {"allowed_origins": ("https://shop.example",)}


@pytest.mark.parametrize(
    "host", ["localhost:8070", "127.0.0.1:8070", "192.168.1.5", "[::1]:8070", "box", "a.localhost"]
)
def test_pages_of_chips_own_may_connect_by_a_host_that_nobody_else_can_have_led_here(host):
    rig = ConnectRig(**SHOP_ONLY)
    assert rig.asked(**UPGRADE, host=host, Origin=f"http://{host}").status == 101
    for origin in (f"https://{host}", f"http://{host}1", "http://localhost:1", "null"):
        assert rig.asked(**UPGRADE, host=host, Origin=origin).status == 403, origin


def test_the_schemes_own_port_and_capitals_make_no_other_origin():
    rig = ConnectRig(**SHOP_ONLY)
    assert rig.asked(**UPGRADE, host="LocalHost:80", Origin="http://localhost").status == 101


def test_a_name_that_another_site_has_led_here_is_not_chips_own():
    rig = ConnectRig(**SHOP_ONLY, trusted=("127.0.0.1",))
    led = {"host": "evil.example", "Origin": "http://evil.example"}
    assert rig.asked(**UPGRADE, **led).status == 403
    # Nor by what a proxy would say, from somebody who is none.
    assert rig.asked(**UPGRADE, **led, X_Forwarded_Proto="http").status == 403
    # Nor in a browser on the proxy's own machine.
    assert rig.upgraded("127.0.0.1", **led).answer().status == 403
    # That no origin is certain does not make an empty one Chip's own.
    assert rig.asked(**UPGRADE, host="evil.example", Origin="").status == 403


def test_the_names_that_a_trusted_proxy_serves_are_chips_own():
    rig = ConnectRig(**SHOP_ONLY, trusted=("127.0.0.1",))

    def status(origin: str, **headers: str) -> int:
        return rig.upgraded("127.0.0.1", Origin=origin, **headers).answer().status

    chat, https = "https://chat.example", {"X_Forwarded_Proto": "https"}
    assert status(chat, host="chat.example", **https) == 101
    assert status(chat, host="chip", X_Forwarded_Host="chat.example", **https) == 101
    assert status("http://chat.example", host="chat.example", **https) == 403
    assert status("https://evil.example", host="chat.example", **https) == 403


def test_the_public_url_is_chips_own_however_a_proxy_asks():
    rig = ConnectRig(**SHOP_ONLY, own_origin="https://chat.example")
    assert rig.asked(**UPGRADE, host="chip", Origin="https://chat.example").status == 101
    assert rig.asked(**UPGRADE, host="chip", Origin="http://chat.example").status == 403


def test_an_address_may_open_100_at_once_and_20_a_second():
    rig = ConnectRig()
    assert [rig.upgraded().answer().status for _ in range(101)] == [101] * 100 + [429]
    refused = rig.upgraded().answer()
    assert refused.headers["retry-after"] == "1"
    assert refused.json == {
        "error": "too many new connections from this address",
        "retry_after": 1,
    }
    rig.clock.advance(1)
    assert [rig.upgraded().answer().status for _ in range(21)] == [101] * 20 + [429]
    assert rig.counts.outcomes.count("too_fast") == 3


def test_a_plain_get_tells_why_the_handshake_was_refused():
    rig = ConnectRig({"connects_burst": 1})
    assert rig.upgraded().answer().status == 101
    handshake, plain = rig.upgraded().answer(), rig.asked()
    assert (handshake.status, plain.status) == (429, 429)
    assert plain.json == handshake.json
    assert plain.headers["retry-after"] == "1"
    assert plain.headers["access-control-allow-origin"] == "*"


def test_an_address_may_have_200_open():
    rig = ConnectRig({"connects_burst": 1000})
    wires = [rig.upgraded() for _ in range(200)]
    assert rig.upgraded().answer().status == 429
    wires[0].leaves()
    assert rig.upgraded().answer().status == 101
    assert rig.counts.outcomes.count("too_many") == 1


def test_a_network_may_have_open_what_ten_of_its_addresses_may():
    rig = ConnectRig({"connects_burst": 1000, "sockets_per_address": 2})
    wires = [rig.upgraded(f"2001:db8:7:{number:x}::1") for number in range(21)]
    assert [wire.answer().status for wire in wires] == [101] * 20 + [429]
    assert rig.upgraded("2001:db8:8::1").answer().status == 101
    wires[0].leaves()
    assert rig.upgraded("2001:db8:7:ffff::1").answer().status == 101


def test_a_network_may_connect_as_fast_as_ten_of_its_addresses_may():
    rig = ConnectRig({"connects_burst": 1})
    hosts = [f"2001:db8:7:{number:x}::1" for number in range(11)]
    assert [rig.upgraded(host).answer().status for host in hosts] == [101] * 10 + [429]
    assert rig.upgraded("2001:db8:8::1").answer().status == 101


def test_the_process_may_have_so_many_open():
    rig = ConnectRig({"sockets": 3}, trusted=("192.0.2.7",))
    wires = [rig.upgraded() for _ in range(3)]
    refused = rig.upgraded().answer()
    assert (refused.status, refused.headers["retry-after"]) == (503, "10")
    assert rig.counts.outcomes[-1] == "full"
    wires[1].leaves()
    assert rig.upgraded().answer().status == 101


def test_caps_count_by_whom_a_trusted_proxy_names():
    rig = ConnectRig({"sockets_per_address": 1}, trusted=("192.0.2.7",))
    assert rig.upgraded(X_Forwarded_For="203.0.113.1").answer().status == 101
    assert rig.upgraded(X_Forwarded_For="203.0.113.1").answer().status == 429
    assert rig.upgraded(X_Forwarded_For="203.0.113.2").answer().status == 101
    assert rig.upgraded().answer().status == 101
    assert rig.upgraded().answer().status == 101


def test_a_stranger_cannot_name_somebody_else():
    rig = ConnectRig({"sockets_per_address": 1})
    assert rig.upgraded(X_Forwarded_For="203.0.113.1").answer().status == 101
    assert rig.upgraded(X_Forwarded_For="203.0.113.2").answer().status == 429


def test_sessions_know_the_address_that_counts():
    rig = ConnectRig(trusted=("192.0.2.7", "unix"))
    assert address_of(rig, rig.upgraded(X_Forwarded_For="2001:db8::1")) == "2001:db8::/64"
    assert address_of(rig, rig.upgraded()) == ""
    assert address_of(rig, rig.upgraded(UNIXAddress(b"/run/chip"))) == ""


def test_limits_can_be_off():
    rig = ConnectRig()
    rig.site = build_site(rig.server, rig.clock, Limits().without_rates())
    assert {rig.upgraded().answer().status for _ in range(300)} == {101}
