"""The chat widget as one served file.

Owns how the ES modules in ``widget/`` become one script, and how that script is answered over
HTTP. Knows nothing about chats, sockets or channels.

Browsers get one request and no build step stands between an edit and a page: the modules are
joined when the resource is made. Each keeps a scope of its own::

    import { h } from "./dom.js";         const $dom = (() => {
    export function log() { … }             …
                                            return { h };
                                          })();
                                          const $log = (() => {
                                            const { h } = $dom;
                                            function log() { … }
                                            return { log };
                                          })();
"""

import gzip
import hashlib
import re
from pathlib import Path

from twisted.web.http import NOT_MODIFIED
from twisted.web.resource import Resource
from twisted.web.server import Request

SOURCES = Path(__file__).parent / "widget"
ENTRY = "embed"

# Five minutes without a question, then a day in which a page need not wait for the answer:
# an update reaches everybody soon and delays nobody.
CACHE_CONTROL = b"public, max-age=300, stale-while-revalidate=86400"

_BANNER = "/*! Chip's chat widget. MIT licence. */\n"
_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([\w-]+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?(?:function\*?|class|const) (\w+))", re.MULTILINE)
_LEFT_OVER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)
_COMMENTS = re.compile(r"^[ \t]*(?:/\*.*?\*/[ \t]*|//[^\n]*)\n", re.MULTILINE | re.DOTALL)
_INDENTS = re.compile(r"^[ \t]+|\n(?=\n)", re.MULTILINE)


def join_modules(sources: Path = SOURCES, entry: str = ENTRY) -> str:
    """Return the module `entry` and all it imports as one classic script.

    Only whole lines of comment and indentation are taken away, so a template literal may hold
    neither on purpose. Raises ValueError for a circular import or a form of import or export
    that this cannot rewrite.
    """
    done: dict[str, str] = {}
    _add_module(sources, entry, (), done)
    body = _INDENTS.sub("", _COMMENTS.sub("", "".join(done.values())))
    return f'{_BANNER}(() => {{\n"use strict";\n{body}}})();\n'


def _add_module(sources: Path, name: str, above: tuple[str, ...], done: dict[str, str]) -> None:
    if name in above:
        raise ValueError(f"widget modules import each other: {' → '.join((*above, name))}")
    text = (sources / f"{name}.js").read_text("utf-8")
    for match in _IMPORT.finditer(text):
        if match[2] not in done:
            _add_module(sources, match[2], (*above, name), done)
    text = _IMPORT.sub(
        lambda match: f"const {{{_destructured(match[1])}}} = {_scope(match[2])};\n", text
    )
    exported = [match[2] for match in _EXPORT.finditer(text)]
    text = _EXPORT.sub(r"\1", text)
    if strange := _LEFT_OVER.search(text):
        raise ValueError(f"widget/{name}.js: cannot join {strange[0]!r}")
    done[name] = (
        f"const {_scope(name)} = (() => {{\n{text}\nreturn {{ {', '.join(exported)} }};\n}})();\n"
    )


def _scope(name: str) -> str:
    return "$" + name.replace("-", "_")


def _destructured(names: str) -> str:
    """Turn an import's ``a, b as c`` into the pattern ``a, b: c``."""
    return re.sub(r"\s+as\s+", ": ", " ".join(names.split()))


def widget_resource() -> Resource:
    """Return the resource for ``/wc/widget.js``, joined and compressed once, here."""
    return _Script(join_modules().encode())


class _Script(Resource):
    """A script that any site may load, answered from memory."""

    isLeaf = True

    def __init__(self, plain: bytes) -> None:
        super().__init__()
        digest = hashlib.sha256(plain).hexdigest()[:20].encode()
        # One tag for each encoding: a cache must not mend one with the other.
        self._plain = plain, b'"' + digest + b'"'
        self._packed = gzip.compress(plain, 9, mtime=0), b'"' + digest + b'-gzip"'

    def render_GET(self, request: Request) -> bytes:  # noqa: N802
        """Answer the script, or 304 to a browser that has it."""
        if [part for part in request.postpath or [] if part] or len(request.postpath or []) > 1:
            return _not_found(request)
        packed = _accepts_gzip(request)
        body, tag = self._packed if packed else self._plain
        for name, value in (
            (b"access-control-allow-origin", b"*"),
            (b"cache-control", CACHE_CONTROL),
            (b"content-type", b"text/javascript; charset=utf-8"),
            (b"cross-origin-resource-policy", b"cross-origin"),
            (b"vary", b"Accept-Encoding"),
            (b"x-content-type-options", b"nosniff"),
        ):
            request.setHeader(name, value)
        if packed:
            request.setHeader(b"content-encoding", b"gzip")
        if request.setETag(tag) is not None or _knows(request, tag):
            # 304 has no body, and Twisted would name one's type.
            request.setResponseCode(NOT_MODIFIED)
            request.responseHeaders.removeHeader(b"content-encoding")
            return b""
        request.setHeader(b"content-length", str(len(body)).encode())
        return b"" if request.method == b"HEAD" else body


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
    return any(known.strip().removeprefix(b"W/") == tag for known in header.split(b","))


def _not_found(request: Request) -> bytes:
    request.setResponseCode(404)
    request.setHeader(b"content-type", b"application/json")
    return b'{"error":"not found"}'
