"""Who a peer is: what limits count by, behind proxies and without."""

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress

from chip.web.http.addresses import Addresses

TRUSTED = ("127.0.0.0/8", "::1", "10.1.0.0/16", "unix")


def peer(host: str) -> IPv4Address | IPv6Address:
    kind = IPv6Address if ":" in host else IPv4Address
    return kind("TCP", host, 4242)


def of(host: str, *forwarded: bytes) -> str:
    return Addresses(TRUSTED).of(peer(host), forwarded)


def test_a_stranger_is_his_own_address_whatever_he_says():
    assert of("198.51.100.1") == "198.51.100.1"
    assert of("198.51.100.1", b"203.0.113.9") == "198.51.100.1"


def test_behind_a_trusted_proxy_its_visitor_counts():
    assert of("127.0.0.1", b"203.0.113.9") == "203.0.113.9"


def test_only_the_right_most_entry_that_is_no_proxy_counts():
    assert of("127.0.0.1", b"1.1.1.1, 203.0.113.9, 10.1.2.3") == "203.0.113.9"
    assert of("127.0.0.1", b"1.1.1.1", b"203.0.113.9,10.1.2.3") == "203.0.113.9"


@pytest.mark.parametrize("nobody", [[], [b"10.1.2.3"], [b"10.1.2.3, 127.0.0.1"]])
def test_a_trusted_peer_that_names_nobody_is_exempt(nobody):
    assert of("127.0.0.1", *nobody) == ""


NO_ADDRESS = [
    *(b"", b" ", b"unknown", b"_hidden", b"-", b"null", b"localhost", b"unix:", b"203.0.113"),
    *(b"203.0.113.256", b"203.0.113.009", b"[]", b"[203.0.113", b"::g", b"%eth0", b"\xff"),
    *(b'"203.0.113.9"', b"for=203.0.113.9", b"203.0.113.9;x", b"203.0.113.9 198.51.100.1"),
]


@pytest.mark.parametrize("entry", NO_ADDRESS)
def test_an_entry_that_is_no_address_counts_as_the_proxy_that_has_written_it(entry):
    assert of("127.0.0.1", entry) == "127.0.0.1"
    assert of("127.0.0.1", b"203.0.113.9, " + entry) == "127.0.0.1"
    assert of("127.0.0.1", b"203.0.113.9", entry) == "127.0.0.1"
    assert of("127.0.0.1", b"203.0.113.9, " + entry + b", 10.1.2.3") == "10.1.2.3"
    assert Addresses(["unix"]).of(UNIXAddress(b"/run/chip.sock"), [entry]) == "unix"


def test_a_peer_without_an_address_is_not_exempt():
    assert Addresses(TRUSTED).of(None, []) == "unknown"
    assert Addresses(TRUSTED).of(None, [b"203.0.113.9"]) == "unknown"


@pytest.mark.parametrize("byte", [b"\x0b", b"\x0c", b"\x1c", b"\x85"])
def test_odd_white_space_separates_nothing(byte):
    assert of("127.0.0.1", b"203.0.113.9" + byte + b"198.51.100.1") == "127.0.0.1"


def test_ports_and_brackets_are_no_part_of_an_address():
    assert of("127.0.0.1", b"203.0.113.9:5123") == "203.0.113.9"
    assert of("127.0.0.1", b"[2001:db8:1:2::7]:5123") == "2001:db8:1:2::/64"
    assert of("127.0.0.1", b"[2001:db8:1:2::7]") == "2001:db8:1:2::/64"
    assert of("127.0.0.1", b"[::ffff:203.0.113.9]:5123") == "203.0.113.9"
    assert of("127.0.0.1", b"fe80::1%eth0") == "fe80::/64"


def test_ipv6_counts_by_64_bits():
    assert of("2001:db8:1:2::7") == of("2001:db8:1:2:ffff::1") == "2001:db8:1:2::/64"
    assert of("2001:db8:1:3::7") == "2001:db8:1:3::/64"


def test_ipv4_in_ipv6_is_ipv4():
    assert of("::ffff:198.51.100.1") == "198.51.100.1"
    assert of("::ffff:127.0.0.1", b"203.0.113.9") == "203.0.113.9"


def test_a_zone_does_not_change_who_it_is():
    assert of("fe80::1%eth0") == "fe80::/64"


def test_a_unix_socket_is_trusted_when_listed():
    behind = UNIXAddress(b"/run/chip.sock")
    assert Addresses(["unix"]).of(behind, [b"203.0.113.9"]) == "203.0.113.9"
    assert Addresses(["unix"]).of(behind, []) == ""
    assert Addresses([]).of(behind, [b"203.0.113.9"]) == "unix"
