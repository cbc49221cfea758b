"""How the widget's files are answered, over a real site in memory."""

from __future__ import annotations

import gzip

import pytest
from twisted.internet.task import Clock

from chip.widget.serving import BUILT, SOURCES, widget_handlers
from tests.support.web import Answer, FakeChatServer, Wire, build_site, request

PATH = "/wc/widget.js"
SCRIPT = (BUILT / "widget.js").read_text()


@pytest.fixture(scope="module")
def site():
    return build_site(FakeChatServer(), Clock(), mounts=widget_handlers())


def ask(site, path: str = PATH, method: str = "GET", **headers: str) -> Answer:
    """The answer; the wire tells its headers in lower case."""
    wire = Wire(site)
    wire.says(request(path, method, **headers))
    answer = wire.answer()
    assert not wire.out
    wire.leaves()
    return answer


def test_the_script_is_served_to_any_site(site):
    answer = ask(site)

    assert answer.status == 200
    assert answer.body.decode() == SCRIPT
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_browser_that_can_unpack_gets_it_packed(site):
    answer = ask(site, accept_encoding="deflate, gzip;q=1.0, br")

    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"] == "accept-encoding"
    assert gzip.decompress(answer.body).decode() == SCRIPT


@pytest.mark.parametrize("offer", ["identity", "br", "gzip;q=0", "gzip; q=0.0", ""])
def test_a_client_that_cannot_unpack_gets_it_plain(site, offer):
    answer = ask(site, accept_encoding=offer)

    assert "content-encoding" not in answer.headers
    assert answer.headers["vary"] == "accept-encoding"
    assert answer.body.decode() == SCRIPT


def test_caches_keep_it_and_ask_again_soon(site):
    caching = ask(site).headers["cache-control"]

    assert caching == "public, max-age=300, stale-while-revalidate=86400"


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_browser_that_has_it_is_told_so(site, encoding):
    first = ask(site, accept_encoding=encoding)
    tag = first.headers["etag"]

    for known in (tag, f'"old", {tag}', f"W/{tag}", "*"):
        again = ask(site, accept_encoding=encoding, if_none_match=known)

        assert (again.status, again.body) == (304, b"")
        for name in ("etag", "cache-control", "vary", "access-control-allow-origin"):
            assert again.headers[name] == first.headers[name]
        for name in ("content-type", "content-length", "content-encoding", "transfer-encoding"):
            assert name not in again.headers


def test_each_encoding_has_a_tag_of_its_own(site):
    plain = ask(site)
    packed = ask(site, accept_encoding="gzip")

    assert plain.headers["etag"] != packed.headers["etag"]
    again = ask(site, accept_encoding="identity", if_none_match=packed.headers["etag"])
    assert (again.status, again.body.decode()) == (200, SCRIPT)


def test_head_tells_the_same_without_the_script(site):
    get = ask(site)
    head = ask(site, method="HEAD")

    assert (head.status, head.body) == (200, b"")
    assert head.headers == get.headers


def test_one_slash_at_the_end_is_forgiven(site):
    assert ask(site, f"{PATH}/").status == 200


@pytest.mark.parametrize("more", ["//", "/map", "/map/"])
def test_nothing_is_below_it(site, more):
    answer = ask(site, PATH + more)

    assert (answer.status, answer.json) == (404, {"error": "not found"})


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_other_methods_are_refused(site, method):
    answer = ask(site, method=method)

    assert (answer.status, answer.json) == (405, {"error": "method not allowed"})
    assert answer.headers["allow"] == "get, head"


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_the_words_of_a_language_are_served_as_the_script_is(site, encoding):
    script = ask(site, accept_encoding=encoding)
    words = ask(site, "/wc/widget/words/fr.json", accept_encoding=encoding)

    body = gzip.decompress(words.body) if encoding == "gzip" else words.body
    assert body == (SOURCES / "words" / "fr.json").read_bytes()
    assert words.headers["content-type"] == "application/json"
    for name in ("access-control-allow-origin", "cache-control", "vary", "x-content-type-options"):
        assert words.headers[name] == script.headers[name]
    tag = words.headers["etag"]
    again = ask(site, "/wc/widget/words/fr.json", accept_encoding=encoding, if_none_match=tag)
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_what_few_visitors_need_is_served_as_the_script_is(site, encoding):
    script = ask(site, accept_encoding=encoding)
    later = ask(site, "/wc/widget/markdown.js", accept_encoding=encoding)

    body = gzip.decompress(later.body) if encoding == "gzip" else later.body
    assert body == (BUILT / "markdown.js").read_bytes()
    for name in ("content-type", "access-control-allow-origin", "cache-control", "vary"):
        assert later.headers[name] == script.headers[name]


@pytest.mark.parametrize(
    "path", ["", "/words", "/words/en.json", "/words/xx.json", "/words/..%2Fwords.js", "/embed.js"]
)
def test_nothing_else_of_the_widget_is_served(site, path):
    answer = ask(site, "/wc/widget" + path)

    assert (answer.status, answer.json) == (404, {"error": "not found"})
