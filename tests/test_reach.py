"""What a listener's description says of who reaches it, and by which URL."""

from __future__ import annotations

import pytest

from chip.app.desk import own_hosts
from chip.config.reach import is_loopback_only, local_url
from chip.config.sources import load
from chip.errors import ConfigError


def address(given: str) -> str:
    return load(environ={}, flags={"address": given}).endpoint


@pytest.mark.parametrize("given", ["localhost", "127.0.0.1", "127.0.0.2", "127.1", "::1", "[::1]"])
def test_an_address_of_loopback_is_this_machines_alone(given: str) -> None:
    assert is_loopback_only(address(given))


@pytest.mark.parametrize(
    "given", ["", " ", "0", "0.0.0.0", "::", "[::]", "192.0.2.1", "::ffff:0.0.0.0"]
)
def test_any_other_address_is_not(given: str) -> None:
    assert not is_loopback_only(address(given))


def test_a_name_counts_by_what_it_leads_to(monkeypatch: pytest.MonkeyPatch) -> None:
    leads_to = {"box": ["127.0.0.1"], "both": ["127.0.0.1", "192.0.2.7"]}
    monkeypatch.setattr(
        "socket.getaddrinfo", lambda name, *_: [(0, 0, 0, "", (at, 0)) for at in leads_to[name]]
    )
    assert is_loopback_only(address("box"))
    assert not is_loopback_only(address("both"))
    leads_to["nowhere"] = ["no address"]
    assert not is_loopback_only(address("nowhere"))


@pytest.mark.parametrize(
    "listen",
    [
        "tcp:8410:interface=127.0.0.1",
        "tcp:8410:127.0.0.1",
        r"tcp:8410:interface=\:\:1",
        r"tcp6:8410:interface=\:\:1",
        "ssl:443:interface=127.0.0.1:privateKey=/x",
        "tls:/etc/chip:port=443:interface=127.0.0.1",
    ],
)
def test_a_listener_whose_interface_is_loopback_is_this_machines_alone(listen: str) -> None:
    assert is_loopback_only(listen)


@pytest.mark.parametrize(
    "listen",
    [
        "tcp:8410",
        "tcp:8410:interface=",
        "tcp6:8410",
        "ssl:443:privateKey=/x",
        "tls:/etc/chip",
        "tls:/interface=127.0.0.1:port=443",
        "haproxy:tcp:8410:interface=127.0.0.1",
        "unix:/run/chip.sock",
        "systemd:domain=INET:name=chip",
        "nonsense",
    ],
)
def test_a_listener_without_one_or_for_a_proxy_is_not(listen: str) -> None:
    assert not is_loopback_only(listen)


@pytest.mark.parametrize(
    ("listen", "url"),
    [
        (address("localhost"), "http://localhost:8070"),
        (address("127.0.0.1"), "http://127.0.0.1:8070"),
        (address(""), "http://localhost:8070"),
        (address("0.0.0.0"), "http://localhost:8070"),
        (address("::"), "http://localhost:8070"),
        (address("::1"), "http://[::1]:8070"),
        ("tcp:8410", "http://localhost:8410"),
        ("tcp:80", "http://localhost"),
        ("tls:/etc/chip:port=8443", "https://localhost:8443"),
        ("tls:/etc/chip", "https://localhost"),
        ("ssl:443:privateKey=/x:interface=192.0.2.1", "https://192.0.2.1"),
        ("haproxy:tcp:8410", ""),
        ("unix:/run/chip.sock", ""),
        ("systemd:domain=INET:name=chip", ""),
        ("nonsense", ""),
    ],
)
def test_the_url_for_this_machine_is_what_the_listener_says_or_nothing(
    listen: str, url: str
) -> None:
    assert local_url(listen) == url


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("https://Chat.Example.org", "https://chat.example.org"),
        ("https://chat.example.org:443/", "https://chat.example.org"),
        ("http://[::1]:8070", "http://[::1]:8070"),
        ("https://example.org/chat/", "https://example.org/chat"),
    ],
)
def test_a_public_url_is_taken_as_people_write_it(given: str, url: str) -> None:
    config = load(environ={"CHIP_PUBLIC_URL": given, "CHIP_LISTEN": "unix:/x"})
    assert config.url == url
    assert config.own_origin == url.removesuffix("/chat")


@pytest.mark.parametrize(
    "given",
    [
        "chat.example.org",
        "ftp://chat.example.org",
        "https://",
        "https://*.example.org",
        "https://chat.example.org/?x=1",
        "https://chat.example.org/#x",
        "https://user@chat.example.org",
        "https://chat.example.org:x",
        "https://chat.example.org/a b",
        'https://chat.example.org/"',
        "https://chat.example.org/../x",
    ],
)
def test_a_public_url_that_is_none_is_refused(given: str) -> None:
    with pytest.raises(ConfigError, match=r"^public_url \(CHIP_PUBLIC_URL\): expected a URL like"):
        load(environ={"CHIP_PUBLIC_URL": given})


@pytest.mark.parametrize(
    ("listen", "host"),
    [
        ("tcp:8070:interface=127.0.0.2", "127.0.0.2"),
        ("tcp:80:interface=box", "box"),
        (r"tcp:8070:interface=\:\:1", "[::1]"),
        (r"tcp:80:interface=\:\:1", "[::1]"),
    ],
)
def test_the_desk_answers_to_the_host_in_the_link_that_is_printed(listen: str, host: str) -> None:
    assert host in own_hosts(load(environ={"CHIP_LISTEN": listen}))
