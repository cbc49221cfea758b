"""The widget over HTTP: its script, what of it few chats need, and a file of words for each
language but English.

Owns their paths, how they are packed, and how long browsers keep them. Each is read and packed
once, when the handlers are made. They are for any site to use.
"""

import gzip
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from chip.web.http.answers import GET_OR_HEAD, NOT_FOUND, Answer, Handler, method_not_allowed
from chip.web.http.request import Request

SOURCES: Final = Path(__file__).parent / "src"
BUILT: Final = Path(__file__).parent / "built"
"""What `make widget` makes of the sources: the first load, and what few chats need of the rest."""

# For 300 s a browser uses its copy. For a day after that it still does, and asks for a newer one
# meanwhile: so a page never waits, and an update reaches everybody within a visit or two.
CACHE_CONTROL: Final = b"public, max-age=300, stale-while-revalidate=86400"

_SCRIPT: Final = b"text/javascript; charset=utf-8"

_Path = tuple[str, ...]
"""What follows the mount, as in `Request.below`."""


class _Packed(NamedTuple):
    """A file in one encoding. Each has an ETag of its own: a cache must not confuse them."""

    tag: bytes
    answer: Answer
    not_modified: Answer


class _File(NamedTuple):
    plain: _Packed
    gzip: _Packed


def widget_handlers() -> dict[str, Handler]:
    """The handlers by the prefixes that they are mounted at: ``/wc/widget.js``; below
    ``/wc/widget``, what few chats need, and ``words/{language}.json``."""
    scripts = {path.name: _file(path.read_bytes(), _SCRIPT) for path in BUILT.glob("*.js")}
    first = scripts.pop("widget.js")
    more: dict[_Path, _File] = {
        ("words", path.name): _file(path.read_bytes(), b"application/json")
        for path in (SOURCES / "words").glob("*.json")
    }
    more |= {(name,): script for name, script in scripts.items()}
    return {"/wc/widget.js": _handler({(): first}), "/wc/widget": _handler(more)}


def _handler(files: Mapping[_Path, _File]) -> Handler:
    async def handle(request: Request) -> Answer:
        """The file, or 304 to a browser that has it."""
        file = files.get(tuple(request.below))
        if file is None:
            return NOT_FOUND
        if request.method not in GET_OR_HEAD:
            return method_not_allowed(*GET_OR_HEAD)
        packed = file.gzip if _accepts_gzip(request) else file.plain
        return packed.not_modified if _knows(request, packed.tag) else packed.answer

    return handle


def _file(body: bytes, content_type: bytes) -> _File:
    digest = hashlib.sha256(body).hexdigest()[:20].encode()
    return _File(
        _packed(body, content_type, digest),
        _packed(gzip.compress(body, 9, mtime=0), content_type, digest + b"-gzip", b"gzip"),
    )


def _packed(body: bytes, content_type: bytes, digest: bytes, encoding: bytes = b"") -> _Packed:
    tag = b'"%b"' % digest
    answer = Answer(200, body, content_type).with_headers(
        (b"Access-Control-Allow-Origin", b"*"),
        (b"Cache-Control", CACHE_CONTROL),
        (b"Cross-Origin-Resource-Policy", b"cross-origin"),
        (b"ETag", tag),
        (b"Vary", b"Accept-Encoding"),
        (b"X-Content-Type-Options", b"nosniff"),
    )
    not_modified = answer._replace(status=304, body=b"")
    if encoding:
        answer = answer.with_headers((b"Content-Encoding", encoding))
    return _Packed(tag, answer, not_modified)


def _accepts_gzip(request: Request) -> bool:
    header = (request.getHeader(b"accept-encoding") or b"").lower()
    for offer in header.split(b","):
        coding, _, parameters = offer.partition(b";")
        if coding.strip() in (b"gzip", b"*"):
            return not re.fullmatch(rb"q=0(\.0*)?", parameters.strip())
    return False


def _knows(request: Request, tag: bytes) -> bool:
    """Whether If-None-Match names `tag`, also in the weak form that proxies make of it."""
    header = request.getHeader(b"if-none-match") or b""
    known = [one.strip().removeprefix(b"W/") for one in header.split(b",")]
    return tag in known or b"*" in known
