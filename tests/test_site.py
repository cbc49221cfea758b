"""The public listener's routes: which path is whose."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

import pytest

import chip
from chip.web.http.answers import Answer
from chip.web.http.request import Request
from tests.support.web import CHANNEL, Listener, request


async def echo(asked: Request) -> Answer:
    """Says what it was asked."""
    said = "|".join([asked.method.decode(), *asked.below])
    return Answer(200, said.encode() + asked.body(), b"text/plain")


async def broken(asked: Request) -> Answer:
    raise RuntimeError("broken")


def test_the_root_tells_the_version():
    answer = Listener().asked("/")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.body == b'{"version":"%s"}' % chip.__version__.encode()


def test_a_head_of_the_root_has_no_body():
    wire = Listener().connects()
    wire.says(request("/", "HEAD"))
    assert wire.out.startswith(b"HTTP/1.1 200 OK\r\n")
    assert wire.out.endswith(b"\r\n\r\n")


def test_the_root_takes_nothing_else():
    answer = Listener().asked("/", "POST")
    assert (answer.status, answer.headers["allow"]) == (405, "get, head")
    assert answer.json == {"error": "method not allowed"}


@pytest.mark.parametrize(
    "path",
    [
        "//",
        "/wc",
        "/wc/connect/",
        f"/wc/connect/{CHANNEL}//",
        f"/wc/connect/{CHANNEL.upper()}",
        f"/wc/connect/{CHANNEL[:-1]}",
        f"/wc/connect/{CHANNEL.replace('-', '')}",
        f"/wc/connect/{CHANNEL}/x",
        f"/wc//connect/{CHANNEL}",
        f"/wc/connect/%37{CHANNEL[1:]}",
        f"/wc/receive/{CHANNEL}",
        f"/wc/send/{CHANNEL}//",
        "/favicon.ico",
        "*",
    ],
)
def test_everything_else_is_not_found(path):
    answer = Listener().asked(path)
    assert (answer.status, answer.json) == (404, {"error": "not found"})


@pytest.mark.parametrize("end", ["", "/", "?a=b", "/?a=b"])
def test_one_slash_and_a_query_at_the_end_change_nothing(end):
    assert Listener().asked(f"/wc/connect/{CHANNEL}{end}").status == 426
    assert Listener().asked(f"/wc/send/{CHANNEL}{end}", "POST").status == 200


def test_the_server_does_not_tell_its_version():
    answer = Listener().asked("/")
    assert answer.headers["server"] == "chip"


def test_an_answer_says_when_it_was_given():
    before = int(time.time())
    shown = parsedate_to_datetime(Listener().asked("/").headers["date"])
    assert before <= shown.timestamp() <= time.time()


def test_a_mount_sees_what_follows_its_prefix():
    listener = Listener(mounts={"/desk": echo, "/wc/widget.js": echo})
    assert listener.asked("/desk").body == b"GET"
    assert listener.asked("/desk/").body == b"GET"
    assert listener.asked("/desk/a%2Fb/c?d").body == b"GET|a/b|c"
    assert listener.asked("/wc/widget.js").body == b"GET"
    assert listener.asked("/desktop").status == 404


def test_a_mount_may_lie_below_another():
    listener = Listener(mounts={"/a": broken, "/a/b": echo})
    assert listener.asked("/a/b").body == b"GET"


def test_a_mount_that_fails_hurts_nobody_else(expected_failures):
    listener = Listener(mounts={"/broken": broken})
    answer = listener.asked("/broken")
    assert (answer.status, answer.json) == (500, {"error": "something went wrong here"})
    assert listener.asked("/").status == 200
    expected_failures.take(RuntimeError)


def test_browsers_may_get_a_front_page_and_probes_the_version():
    listener = Listener(front=echo)
    browser = listener.asked("/", Accept="text/html,application/xhtml+xml,*/*;q=0.8")
    assert browser.body == b"GET"
    assert browser.headers["vary"] == "accept"
    assert "version" in listener.asked("/", Accept="*/*").json
    assert "version" in listener.asked("/").json
