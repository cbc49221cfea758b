"""Where Valkey is, read from a URL."""

from __future__ import annotations

import pytest

from chip.errors import ConfigError
from chip.queue.valkey.address import parse_url


def test_a_url_names_everything():
    address = parse_url("valkeys://chip:s%40sa%2Fme@valkey.example:7000/3")
    assert (address.hosts, address.database) == ((("valkey.example", 7000),), 3)
    assert (address.user, address.password, address.tls) == ("chip", "s@sa/me", True)


@pytest.mark.parametrize(
    ("url", "database"),
    [("redis://localhost", 5), ("redis://localhost/", 5), ("redis://localhost/0", 0)],
)
def test_what_a_url_leaves_out_has_defaults(url, database):
    address = parse_url(url)
    assert (address.hosts, address.database) == ((("localhost", 6379),), database)
    assert not address.tls
    assert (address.user, address.password) == ("", "")


@pytest.mark.parametrize("url", ["redis://localhost?db=3", "redis://localhost/7?db=3"])
def test_the_database_may_be_named_as_other_clients_do(url):
    assert parse_url(url).database == 3


def test_a_unix_socket_is_an_address():
    address = parse_url("unix://chip:s%C3%A9same%23@/run/valkey/valkey.sock?db=3")
    assert (address.path, address.database) == ("/run/valkey/valkey.sock", 3)
    assert (address.user, address.password, address.tls) == ("chip", "sésame#", False)
    assert str(address) == "/run/valkey/valkey.sock"
    assert parse_url("unix:///run/valkey.sock").database == 5


def test_the_hosts_of_sentinels_come_with_the_name_of_the_primary():
    address = parse_url(
        "valkeys://chip:sesame@One,two:7000,[::1]:7001/3?sentinel=chats&sentinel_password=p%40ss"
    )
    assert address.hosts == (("one", 26379), ("two", 7000), ("::1", 7001))
    assert (address.sentinel, address.database, address.tls) == ("chats", 3, True)
    assert [one.login for one in address.sentinels()] == [[b"p@ss"]] * 3
    assert address.at("10.0.0.1", 6379).login == [b"chip", b"sesame"]
    assert str(address) == "one:26379, two:7000, ::1:7001 (as Sentinel's chats)"


@pytest.mark.parametrize(
    "url", ["valkeys://:pw@a,b:7/?cluster=true", "valkeys-cluster://:pw@a,b:7"]
)
def test_a_cluster_is_named_by_some_of_its_nodes_and_has_one_database(url):
    address = parse_url(url)
    assert (address.cluster, address.database, address.tls) == (True, 0, True)
    assert [one.hosts for one in address.seeds()] == [(("a", 6379),), (("b", 7),)]
    assert [one.login for one in address.seeds()] == [[b"pw"]] * 2
    assert not parse_url("valkey://a/0?cluster=false").cluster


@pytest.mark.parametrize(
    "url",
    ["valkey-cluster://a/5", "unix:///a?cluster=true", "valkey://a?cluster=true&sentinel=chats"],
)
def test_a_cluster_is_reached_in_one_way_only(url):
    with pytest.raises(ConfigError, match="Cluster"):
        parse_url(url)


def test_a_host_is_any_that_can_be_connected_to():
    hosts = parse_url("valkey://val_key,r3--a.example,münchen,[::1]/?cluster=true").hosts
    assert [host for host, _ in hosts] == ["val_key", "r3--a.example", "xn--mnchen-3ya", "::1"]


@pytest.mark.parametrize("host", ["a..b", "a b", "[::x]"])
def test_what_is_no_host_is_refused(host):
    with pytest.raises(ConfigError, match="valkey: expected the name or the address of a host"):
        parse_url(f"valkey://one,{host}?sentinel=chats")


def test_a_host_that_no_certificate_can_name_is_refused_with_tls():
    with pytest.raises(ConfigError, match="valkey: a certificate cannot name this host"):
        parse_url("valkeys://val_key")


def test_sentinels_are_not_reached_by_a_socket():
    with pytest.raises(ConfigError, match="Sentinels are reached by hosts"):
        parse_url("unix:///run/valkey.sock?sentinel=chats")


@pytest.mark.parametrize(("written", "meant"), [("a+b", "a+b"), ("a%2Bb", "a+b"), ("a%20b", "a b")])
def test_a_plus_is_a_plus_in_every_password(written, meant):
    url = f"redis://:{written}@one?sentinel=x&sentinel_user={written}&sentinel_password={written}"
    address = parse_url(url)
    assert address.password == address.sentinel_user == address.sentinel_password == meant


def test_several_hosts_need_the_name_of_a_primary():
    with pytest.raises(ConfigError, match="several hosts"):
        parse_url("redis://one,two")


@pytest.mark.parametrize("scheme", ["valkey", "redis"])
def test_two_schemes_are_plain(scheme):
    assert not parse_url(f"{scheme}://[::1]:1").tls


@pytest.mark.parametrize("scheme", ["valkeys", "rediss"])
def test_two_schemes_are_tls(scheme):
    assert parse_url(f"{scheme}://localhost").tls


@pytest.mark.parametrize(
    "url",
    [
        "http://:sesame@localhost",
        "redis://:sesame@",
        "redis://:sesame@localhost:port",
        "redis://:sesame@localhost:0",
        "redis://:sesame@localhost:65536",
        "redis://:sesame@[::1",
        "redis://:sesame@one,two:port?sentinel=chats",
        "redis://:sesame@localhost/five",
        "redis://:sesame@localhost/-1",
        "redis://:sesame@localhost?db=five",
        "unix://:sesame@?db=1",
    ],
)
def test_a_wrong_url_is_refused_in_a_line_without_its_password(url):
    with pytest.raises(ConfigError, match=r"^valkey: ") as refused:
        parse_url(url)
    assert "sesame" not in str(refused.value)


def test_a_password_shows_nowhere():
    address = parse_url("redis://chip:sesame@localhost:1?sentinel=x&sentinel_password=sesame")
    assert "sesame" not in f"{address} {address!r}"
    assert str(address) == "localhost:1 (as Sentinel's x)"
