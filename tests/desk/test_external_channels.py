"""External channels of a Chip that sees no database: made, connected, and opened again."""

from __future__ import annotations

import itertools
import sqlite3
from contextlib import closing

import pytest

from chip.desk.channels import add_channel, list_channels, list_waiting, remove_channel
from chip.desk.external_channels import add_external_channel, read_address
from chip.errors import ConfigError
from chip.sqlite.files import database_path
from chip.store.public_ids import public_id

COURIER = "https://courier.example.org"
UUID = "3e7e5a52-9b5e-4ee8-8f36-0b9cd2c1d9e2"
RECEIVE = f"{COURIER}/c/ex/{UUID}/receive"
CHOSEN = "7d62d551-3030-4100-a260-2d7c4e9693e7"
BEARER = "Bearer of good news"
NUMBERS = itertools.count()


def made_anew(is_new):
    assert is_new, "nobody is to be asked"
    return f"Bearer {next(NUMBERS)}"


@pytest.fixture
def add(tmp_path):
    def add(name, url, authorization=made_anew, **more):
        return add_external_channel(
            tmp_path, name, read_address(url), public_id, authorization, **more
        )

    return add


def rows(tmp_path):
    with closing(sqlite3.connect(database_path(tmp_path))) as db:
        columns = "uuid, name, courier, external_uuid, secret, max_length, is_active"
        return db.execute(f"SELECT {columns} FROM channel").fetchall()


def test_a_channel_waits_until_rapidpro_has_named_it(add, tmp_path):
    waits = add("Shop", COURIER)
    assert (waits.uuid, waits.external_uuid, waits.max_length) == ("", "", 6400)
    assert list_channels(tmp_path) == []
    assert list_waiting(tmp_path) == [("Shop", COURIER)]

    made = add(" shop ", RECEIVE)
    public = public_id(UUID, waits.authorization)
    assert made == waits._replace(uuid=public, external_uuid=UUID)
    assert rows(tmp_path) == [(public, "Shop", COURIER, UUID, waits.authorization, 6400, 1)]
    assert list_waiting(tmp_path) == []
    assert [(one.uuid, one.name, one.courier) for one in list_channels(tmp_path)] == [
        (public, "Shop", COURIER)
    ]


def test_the_same_again_tells_the_same_again(add, tmp_path):
    assert add("Shop", COURIER) == add("Shop", COURIER + "/")
    assert len(rows(tmp_path)) == 1


def test_a_channel_of_the_desk_does_not_take_the_name_of_one_that_waits(add, tmp_path):
    add("Shop", COURIER)
    with pytest.raises(ConfigError, match="Shop is there already: it waits"):
        add_channel(tmp_path, "shop")


def test_no_channel_takes_the_id_of_one_that_waits(add, tmp_path):
    add("Shop", COURIER, uuid=CHOSEN)
    for make in (
        lambda: add("Blog", COURIER, uuid=CHOSEN),
        lambda: add_channel(tmp_path, "Desk", CHOSEN),
    ):
        with pytest.raises(ConfigError, match=f"{CHOSEN} is Shop's already"):
            make()
    assert list_waiting(tmp_path) == [("Shop", COURIER)]


def test_two_channels_have_two_authorizations(add):
    assert add("Shop", COURIER).authorization != add("Blog", COURIER).authorization


def test_the_courier_is_the_one_that_rapidpro_says(add):
    add("Shop", "https://rapidpro.example.org")
    assert add("Shop", RECEIVE).courier == COURIER


@pytest.mark.parametrize("first", [{"uuid": CHOSEN.upper()}, {}])
def test_pages_may_keep_the_id_that_they_have(add, first):
    add("Shop", COURIER, **first)
    assert add("Shop", RECEIVE, **({} if first else {"uuid": CHOSEN})).uuid == CHOSEN


def test_a_channels_own_uuid_is_not_given_to_pages(add, tmp_path):
    with pytest.raises(ConfigError, match="RapidPro's own name of a channel"):
        add("Shop", RECEIVE, lambda is_new: BEARER, uuid=UUID.upper())
    assert rows(tmp_path) == []


def test_a_channels_own_uuid_that_was_chosen_while_it_waited_is_not_given_to_pages(add, tmp_path):
    add("Shop", COURIER, uuid=UUID)
    with pytest.raises(ConfigError, match="pages need another: --uuid"):
        add("Shop", RECEIVE)
    assert list_channels(tmp_path) == []
    assert add("Shop", RECEIVE, uuid=CHOSEN).uuid == CHOSEN


def test_another_channels_own_uuid_is_not_given_to_pages(add, tmp_path):
    add("Shop", RECEIVE, lambda is_new: BEARER)
    for make in (
        lambda: add("Blog", COURIER, uuid=UUID),
        lambda: add_channel(tmp_path, "Desk", UUID),
    ):
        with pytest.raises(ConfigError, match="RapidPro's own name of a channel"):
            make()
    assert len(rows(tmp_path)) == 1


def test_a_channel_whose_own_uuid_pages_have_is_not_connected_until_they_have_another(
    add, tmp_path
):
    add_channel(tmp_path, "Desk", UUID)
    with pytest.raises(ConfigError, match="RapidPro's own name of a channel"):
        add("Shop", RECEIVE, lambda is_new: BEARER)
    remove_channel(tmp_path, UUID)
    assert add("Shop", RECEIVE, lambda is_new: BEARER).external_uuid == UUID


def test_a_shorter_maximum_length_is_kept_with_the_channel(add):
    add("Shop", COURIER, max_length=160)
    assert add("Shop", RECEIVE).max_length == 160


@pytest.mark.parametrize("length", [59, 6401])
def test_a_maximum_length_that_rapidpro_does_not_take_is_refused(add, length):
    with pytest.raises(ConfigError, match="expected 60 to 6400"):
        add("Shop", COURIER, max_length=length)


def test_a_channel_that_rapidpro_has_already_needs_its_authorization(add):
    made = add("Shop", RECEIVE, lambda is_new: f"{BEARER}\n")
    assert (made.authorization, made.uuid) == (BEARER, public_id(UUID, BEARER))


@pytest.mark.parametrize("wrong", ["", "\n", "a\0b", "é", "x" * 2049])
def test_what_is_no_authorization_is_refused_and_nothing_is_made(add, tmp_path, wrong):
    with pytest.raises(ConfigError, match="expected the authorization"):
        add("Shop", RECEIVE, lambda is_new: wrong)
    assert rows(tmp_path) == []


def test_a_name_that_does_not_wait_is_told_which_does(add):
    add("Shop", COURIER)
    with pytest.raises(ConfigError, match="Shopp does not wait to be connected; Shop does"):
        add("Shopp", RECEIVE)


def test_what_is_connected_or_taken_already_is_refused(add, tmp_path):
    add("Shop", COURIER)
    made = add("Shop", RECEIVE)
    for name, url in (("Shop", RECEIVE), ("Blog", RECEIVE)):
        with pytest.raises(ConfigError, match=f"Shop is connected already: {made.uuid}"):
            add(name, url)
    with pytest.raises(ConfigError, match="Shop is there already"):
        add("Shop", COURIER)
    add_channel(tmp_path, "Desk", CHOSEN)
    add("Blog", COURIER)
    other = RECEIVE.replace("3e7e", "3e7f")
    with pytest.raises(ConfigError, match=f"{CHOSEN} is Desk's already"):
        add("Blog", other, uuid=CHOSEN)


def test_one_that_was_removed_is_opened_again_with_its_chats(add, tmp_path):
    first = add("Shop", RECEIVE, lambda is_new: BEARER)
    remove_channel(tmp_path, first.uuid)
    again = add("Shop again", RECEIVE, lambda is_new: BEARER)
    assert again.uuid == first.uuid
    assert [row[:2] for row in rows(tmp_path)] == [(first.uuid, "Shop again")]


def test_one_that_waits_is_removed_by_its_name(add, tmp_path):
    add("Shop", COURIER)
    remove_channel(tmp_path, "Shop")
    assert rows(tmp_path) == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "courier.example.org",
        "ftp://courier.example.org",
        "https://",
        "https://[courier",
        "https://courier.example.org:port",
        "https://me@courier.example.org",
        f"{COURIER}/elsewhere",
        f"{COURIER}/?x",
        f"{COURIER}/c/ex/nonsense/receive",
        f"{COURIER}/c/ex/{UUID}/delivered",
        f"{COURIER}/c/chp/{UUID}/receive",
        "https://bücher.example",
        "https://courier..example",
        "https://courier example",
        "https://courier_1",
    ],
)
def test_what_is_no_address_is_refused_with_what_is_one(url):
    with pytest.raises(ConfigError, match=r"expected Courier's address, like https://"):
        read_address(url)


@pytest.mark.parametrize(
    ("url", "courier", "uuid"),
    [
        (COURIER, COURIER, ""),
        (f"{COURIER}/", COURIER, ""),
        ("HTTPS://Courier.Example.org", COURIER, ""),
        ("http://192.0.2.7:8080", "http://192.0.2.7:8080", ""),
        ("http://courier_1:8080", "http://courier_1:8080", ""),
        ("https://[2001:db8::1]", "https://[2001:db8::1]", ""),
        (RECEIVE.upper().replace("/C/EX", "/c/ex").replace("RECEIVE", "receive"), COURIER, UUID),
        (f"{COURIER}/c/ex/{UUID}", COURIER, UUID),
        (f"{RECEIVE}/", COURIER, UUID),
    ],
)
def test_an_address_is_read(url, courier, uuid):
    assert read_address(url) == (courier, uuid)
