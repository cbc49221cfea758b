"""How the desk's resources answer: a coroutine's answer, JSON, and headers that keep a page safe.

Owns the way from a coroutine to a finished request, and what becomes of its exceptions.
"""

from collections.abc import Coroutine
from typing import Any, NamedTuple, TypeVar

import msgspec
from twisted.logger import Logger
from twisted.web.server import NOT_DONE_YET, Request

from chip.errors import Refused, Unavailable
from chip.tasks import Tasks

T = TypeVar("T")

HTML = "text/html; charset=utf-8"
JSON = "application/json"

_log = Logger()
_encoder = msgspec.json.Encoder()

_SAFE = (
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("x-frame-options", "DENY"),
    ("cross-origin-resource-policy", "same-origin"),
)


class Answer(NamedTuple):
    """A whole answer. `headers` come beside those that every answer has."""

    status: int
    body: bytes
    type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


class Denied(Refused):
    """Somebody may not do this; `status` says whether he could say who he is (401) or not (403)."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def json_answer(value: object, status: int = 200) -> Answer:
    """`value` as an answer."""
    return Answer(status, _encoder.encode(value))


def error_answer(message: str, status: int) -> Answer:
    """An error as Chip words them everywhere."""
    return json_answer({"error": message}, status)


def write(request: Request, answer: Answer) -> None:
    """Answer the request."""
    request.setResponseCode(answer.status)
    for name, value in (*_SAFE, ("cache-control", "no-store"), *answer.headers):
        request.setHeader(name.encode(), value.encode())
    request.setHeader(b"content-type", answer.type.encode())
    request.setHeader(b"content-length", str(len(answer.body)).encode())
    if request.method != b"HEAD":
        request.write(answer.body)
    request.finish()


def serve(request: Request, tasks: Tasks, work: Coroutine[Any, Any, Answer]) -> int:
    """Answer the request with what `work` returns, or an error for what it raises."""
    gone: list[object] = []
    request.notifyFinish().addErrback(gone.append)

    async def run() -> None:
        try:
            answer = await work
        except Refused as error:
            answer = error_answer(str(error), error.status)
        except Unavailable as error:
            answer = error_answer(str(error), 503)
            answer = answer._replace(headers=(("retry-after", str(error.retry_after)),))
        except Exception:
            _log.failure("a request to the desk failed")
            answer = error_answer("internal error", 500)
        if not gone:
            write(request, answer)

    tasks.spawn("a request to the desk", run())
    return NOT_DONE_YET


def body_of(request: Request, limit: int) -> bytes:
    """The request's body. Raises Refused when it is longer than `limit` bytes."""
    content = request.content
    body = content.read(limit + 1) if content is not None else b""
    if len(body) > limit:
        raise Denied("request is too large", 413)
    return bytes(body)


def path_of(request: Request) -> list[str]:
    """The path below the resource, without one slash at the end."""
    path = [part.decode("utf-8", "replace") for part in request.postpath or []]
    return path[:-1] if path and path[-1] == "" else path


def decode(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """The value in a body. Raises Refused, naming what is wrong with it."""
    try:
        return decoder.decode(body)
    except (ValueError, RecursionError) as error:
        raise Refused(f"error reading request: {error}") from None
