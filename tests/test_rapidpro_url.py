"""A database's URL becomes libpq's parameters."""

from __future__ import annotations

import pytest

from chip.errors import ConfigError
from chip.store.rapidpro.url import connection_parameters


def test_a_url_is_taken_apart():
    parameters = connection_parameters("postgres://bob:p%2Fw%3F@db.example:6543/rapid%20pro")
    assert parameters["user"] == "bob"
    assert parameters["password"] == "p/w?"
    assert parameters["host"] == "db.example"
    assert parameters["port"] == "6543"
    assert parameters["dbname"] == "rapid pro"


def test_several_hosts_and_a_socket_are_possible():
    assert connection_parameters("postgresql://one,two:1/x")["host"] == "one,two"
    assert (
        connection_parameters("postgresql:///x?host=/run/postgresql")["host"] == "/run/postgresql"
    )


@pytest.mark.parametrize("zone", ["Timezone=UTC", "TimeZone=UTC", "timezone=Africa%2FKigali"])
def test_settings_of_go_programs_are_passed_over(zone):
    plain = connection_parameters("postgres://x/y?sslmode=disable")
    assert connection_parameters(f"postgres://x/y?sslmode=disable&{zone}") == plain
    assert connection_parameters(f"postgres://x/y?{zone}&sslmode=disable") == plain
    assert plain["sslmode"] == "disable"


def test_a_setting_that_nobody_knows_is_refused():
    with pytest.raises(ConfigError, match=r"^db: "):
        connection_parameters("postgres://x/y?sslmod=require")


NO_URLS = (
    "",
    "secret",
    "mysql://u:secret@x/y",
    "postgres://u:%zsecret@x",
    "postgres://secret@[::1/",
)


@pytest.mark.parametrize("url", NO_URLS)
def test_what_is_no_url_is_refused_without_being_repeated(url):
    with pytest.raises(ConfigError, match=r"^db: ") as raised:
        connection_parameters(url)
    assert "secret" not in str(raised.value)


def test_a_vanished_server_is_noticed_and_a_long_statement_ended():
    parameters = connection_parameters("postgres://x/y")
    assert parameters["connect_timeout"] == "3"
    assert parameters["tcp_user_timeout"] == "5000"
    assert "-c statement_timeout=4000" in parameters["options"]


def test_what_the_url_says_goes_first():
    parameters = connection_parameters(
        "postgres://x/y?connect_timeout=7&application_name=web&options=-c%20statement_timeout%3D1"
    )
    assert parameters["connect_timeout"] == "7"
    assert parameters["application_name"] == "web"
    assert parameters["options"].endswith("-c statement_timeout=1")


@pytest.mark.parametrize("host", ["db_1", "[::1]", "one,db_1:5433", "%2Frun%2Fpostgresql", ""])
def test_a_host_is_any_that_can_be_connected_to_or_a_sockets_directory(host):
    assert connection_parameters(f"postgresql://u:pa55@{host}/temba")["dbname"] == "temba"


@pytest.mark.parametrize("url", ["u:pa55@a..b/temba", "u:pa55@one,a..b/temba", "/temba?host=a..b"])
def test_what_is_no_host_is_refused_in_words(url):
    with pytest.raises(ConfigError, match=r"^db: expected the name or the address of a host$"):
        connection_parameters(f"postgresql://{url}")
