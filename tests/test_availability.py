"""``/wc/availability/{channel}``: what pages are told of a channel, and what is refused."""

from __future__ import annotations

import pytest

from chip.errors import AskedInVain, Unavailable
from chip.models import Availability
from tests.support.web import CHANNEL, UNKNOWN, Listener

PATH = f"/wc/availability/{CHANNEL}"


async def always_open(channel: str) -> Availability:
    assert channel == CHANNEL
    return Availability(hours="Mon-Sun 00:00-24:00", zone="Africa/Kigali", usually=240)


async def no_database(channel: str) -> Availability:
    raise Unavailable("the database cannot be read")


def test_any_page_is_told_what_is_known_and_may_keep_it_for_a_minute():
    answer = Listener(availability=always_open).asked(PATH)
    assert answer.status == 200
    assert answer.body == b'{"hours":"Mon-Sun 00:00-24:00","zone":"Africa/Kigali","usually":240}'
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cache-control"] == "public, max-age=60"


def test_with_rapidpro_nothing_is_known():
    answer = Listener().asked(PATH)
    assert (answer.status, answer.json) == (200, {})


@pytest.mark.parametrize(
    ("trouble", "status", "retry_after"),
    [
        (AskedInVain("too many lookups of what is not there", 3), 429, "3"),
        (Unavailable("the database cannot be read"), 503, "5"),
    ],
)
def test_who_cannot_be_told_hears_why_and_when_to_ask_again(trouble, status, retry_after):
    listener = Listener()
    listener.server.lookups.trouble = trouble
    answer = listener.asked(PATH)
    assert (answer.status, answer.headers["retry-after"]) == (status, retry_after)
    assert answer.json["error"] == str(trouble)
    assert answer.headers["access-control-allow-origin"] == "*"


def test_a_database_that_fails_after_the_channel_was_found_is_503():
    assert Listener(availability=no_database).asked(PATH).status == 503


def test_an_unknown_channel_is_404_and_nobody_is_asked_about_it():
    answer = Listener(availability=always_open).asked(PATH.replace(CHANNEL, UNKNOWN))
    assert (answer.status, answer.json) == (404, {"error": "no such channel"})
    assert "cache-control" not in answer.headers


@pytest.mark.parametrize("method", ["POST", "OPTIONS"])
def test_it_is_only_read(method):
    answer = Listener().asked(PATH, method)
    assert (answer.status, answer.headers["allow"]) == (405, "get, head")


def test_an_address_asks_as_often_as_it_may_connect():
    listener = Listener({"connects_burst": 2, "connects_per_second": 1})
    assert [listener.asked(PATH).status for _ in range(3)] == [200, 200, 429]
    listener.clock.advance(1)
    assert listener.asked(PATH).status == 200
