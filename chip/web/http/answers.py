"""What a request is answered with, as a value, and how it is written.

A handler is a coroutine that is given a request and returns an `Answer`, or None when it has taken
the request over: the connection has become a WebSocket, or a stream of events is being written.
What a handler raises is an answer too. Chip's own routes answer in JSON:

    ← 200 {"version":"…"}
    ← 404 {"error":"…"}
    ← 503 {"error":"…","retry_after":5}    with Retry-After: 5
"""

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any, Final, NamedTuple

import msgspec
from twisted.logger import Logger
from twisted.web.http import NOT_MODIFIED

from chip.errors import Refused, Unavailable
from chip.web.http.request import Request

Header = tuple[bytes, bytes]
Handler = Callable[[Request], Coroutine[Any, Any, "Answer | None"]]

JSON: Final = b"application/json"
HTML: Final = b"text/html; charset=utf-8"
GET_OR_HEAD: Final = (b"GET", b"HEAD")
"""The methods that ask for something and change nothing."""

ANYBODY: Final = (b"Access-Control-Allow-Origin", b"*")
"""The header that lets pages of any website read an answer."""

# Where Chip speaks TLS itself, browsers shall come back by TLS only, for half a year.
_HSTS: Final = b"max-age=15552000"

_encoder = msgspec.json.Encoder()
_log = Logger()


class Answer(NamedTuple):
    """A whole answer. Of two `headers` of one name, the later counts."""

    status: int
    body: bytes
    content_type: bytes = JSON
    headers: tuple[Header, ...] = ()

    def with_headers(self, *headers: Header) -> "Answer":
        """The same answer with `headers` besides."""
        return self._replace(headers=(*self.headers, *headers))


def json_answer(value: object, status: int = 200) -> Answer:
    """`value` as JSON."""
    return Answer(status, _encoder.encode(value))


def error_answer(status: int, text: str, retry_after: int = 0) -> Answer:
    """``{"error": text}``. `retry_after` is in seconds, 0 where waiting does not help."""
    if not retry_after:
        return json_answer({"error": text}, status)
    answer = json_answer({"error": text, "retry_after": retry_after}, status)
    return answer.with_headers((b"Retry-After", b"%d" % retry_after))


def method_not_allowed(*allowed: bytes) -> Answer:
    """405, with the methods that are allowed."""
    answer = error_answer(405, "method not allowed")
    return answer.with_headers((b"Allow", b", ".join(allowed)))


NOT_FOUND: Final = error_answer(404, "not found")


def answer_to(error: Exception) -> Answer:
    """What is answered when a handler raises. Call it where the exception is caught: one that
    nobody expected is logged, and its text is told to nobody."""
    if isinstance(error, Refused):
        return error_answer(error.status, str(error))
    if isinstance(error, Unavailable):
        return error_answer(503, str(error), error.retry_after)
    _log.failure("a request failed")
    return error_answer(500, "something went wrong here")


def write_answer(request: Request, answer: Answer) -> None:
    """Write the whole answer; a HEAD gets its headers. Does nothing when the peer has gone."""
    if not request.peer_is_there:
        return
    # Twisted has no names for some of the newer ones, 426 among them.
    request.setResponseCode(answer.status, HTTPStatus(answer.status).phrase.encode())
    headers = request.responseHeaders
    if request.isSecure():
        headers.setRawHeaders(b"Strict-Transport-Security", [_HSTS])
    for name, value in answer.headers:
        headers.setRawHeaders(name, [value])
    if answer.status != NOT_MODIFIED:
        headers.setRawHeaders(b"Content-Type", [answer.content_type])
        headers.setRawHeaders(b"Content-Length", [b"%d" % len(answer.body)])
    request.write(answer.body)
    request.finish()
