"""HTTP answers in JSON, the one form in which Chip's own routes answer.

← {"version":"…"}    {"status":"queued"}    {"error":"…"}
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from chip.web.http.connection import Request

SERVER: Final = b"Chip"
"""What the Server header says; its version is nobody's business."""

Header = tuple[bytes, bytes]

_encoder = msgspec.json.Encoder()


def answer_json(
    request: "Request", status: int, body: bytes, headers: Iterable[Header] = ()
) -> None:
    """Answer with `body`, which is JSON already. Does nothing when the peer has gone."""
    if not request.peer_is_there:
        return
    request.setResponseCode(status)
    answer = request.responseHeaders
    for name, value in headers:
        answer.setRawHeaders(name, [value])
    answer.setRawHeaders(b"Content-Type", [b"application/json"])
    answer.setRawHeaders(b"Content-Length", [b"%d" % len(body)])
    request.write(body)  # type: ignore[no-untyped-call]
    request.finish()  # type: ignore[no-untyped-call]


def answer_error(
    request: "Request",
    status: int,
    text: str,
    retry_after: int = 0,
    headers: Iterable[Header] = (),
) -> None:
    """Answer ``{"error": text}``, and with `retry_after` in seconds where waiting helps."""
    error: dict[str, object] = {"error": text}
    if retry_after:
        error["retry_after"] = retry_after
        headers = [*headers, (b"Retry-After", b"%d" % retry_after)]
    answer_json(request, status, _encoder.encode(error), headers)
