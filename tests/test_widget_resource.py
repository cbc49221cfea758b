"""How ``/wc/widget.js`` is answered, over a real site in memory."""

import gzip

import pytest
import pytest_twisted
import treq
from treq.testing import RequestTraversalAgent
from twisted.web.http_headers import Headers
from twisted.web.resource import Resource

from chip.widget.bundle import join_modules, widget_resource

URL = "https://chat.example.org/wc/widget.js"


@pytest.fixture
def site():
    root, wc = Resource(), Resource()
    root.putChild(b"wc", wc)
    wc.putChild(b"widget.js", widget_resource())
    return RequestTraversalAgent(root)


async def ask(site, url=URL, method="GET", **headers):
    names = Headers({name.replace("_", "-"): [value] for name, value in headers.items()})
    pending = site.request(method.encode(), url.encode(), names)
    site.flush()
    response = await pending
    return response, await treq.content(response)


def header(response, name):
    values = response.headers.getRawHeaders(name)
    return values[0] if values else None


@pytest_twisted.ensureDeferred
async def test_the_script_is_served_to_any_site(site):
    response, body = await ask(site)

    assert response.code == 200
    assert body.decode() == join_modules()
    assert header(response, "content-type") == "text/javascript; charset=utf-8"
    assert header(response, "access-control-allow-origin") == "*"
    assert header(response, "cross-origin-resource-policy") == "cross-origin"
    assert header(response, "x-content-type-options") == "nosniff"


@pytest_twisted.ensureDeferred
async def test_a_browser_that_can_unpack_gets_it_packed(site):
    response, body = await ask(site, accept_encoding="deflate, gzip;q=1.0, br")

    assert header(response, "content-encoding") == "gzip"
    assert header(response, "vary") == "Accept-Encoding"
    assert response.length == len(body)
    assert gzip.decompress(body).decode() == join_modules()


@pytest.mark.parametrize("offer", ["identity", "br", "gzip;q=0", "gzip; q=0.0", ""])
@pytest_twisted.ensureDeferred
async def test_a_client_that_cannot_unpack_gets_it_plain(site, offer):
    response, body = await ask(site, accept_encoding=offer)

    assert header(response, "content-encoding") is None
    assert header(response, "vary") == "Accept-Encoding"
    assert body.decode() == join_modules()


@pytest_twisted.ensureDeferred
async def test_caches_keep_it_and_ask_again_soon(site):
    response, _ = await ask(site)

    assert header(response, "cache-control") == "public, max-age=300, stale-while-revalidate=86400"


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
@pytest_twisted.ensureDeferred
async def test_a_browser_that_has_it_is_told_so(site, encoding):
    first, _ = await ask(site, accept_encoding=encoding)
    tag = header(first, "etag")

    for known in (tag, f'"old", {tag}', f"W/{tag}", "*"):
        again, body = await ask(site, accept_encoding=encoding, if_none_match=known)

        assert (again.code, body) == (304, b"")
        assert header(again, "etag") == tag
        assert header(again, "cache-control") == header(first, "cache-control")
        assert header(again, "access-control-allow-origin") == "*"


@pytest_twisted.ensureDeferred
async def test_each_encoding_has_a_tag_of_its_own(site):
    plain, _ = await ask(site)
    packed, _ = await ask(site, accept_encoding="gzip")

    assert header(plain, "etag") != header(packed, "etag")
    again, body = await ask(site, accept_encoding="identity", if_none_match=header(packed, "etag"))
    assert (again.code, body.decode()) == (200, join_modules())


@pytest_twisted.ensureDeferred
async def test_head_tells_the_same_without_the_script(site):
    get, _ = await ask(site)
    head, body = await ask(site, method="HEAD")

    assert body == b""
    assert head.code == 200
    for name in ("content-type", "etag", "cache-control", "vary"):
        assert header(head, name) == header(get, name)


@pytest_twisted.ensureDeferred
async def test_one_slash_at_the_end_is_forgiven(site):
    assert (await ask(site, f"{URL}/"))[0].code == 200


@pytest.mark.parametrize("more", ["//", "/map", "/map/"])
@pytest_twisted.ensureDeferred
async def test_nothing_is_below_it(site, more):
    response, body = await ask(site, URL + more)

    assert response.code == 404
    assert body == b'{"error":"not found"}'


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest_twisted.ensureDeferred
async def test_other_methods_are_refused(site, method):
    response, body = await ask(site, method=method)

    assert response.code == 405
    assert "GET" in header(response, "allow")
    assert body.startswith(b'{"error":')
