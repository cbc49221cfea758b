"""Posting forms to the stand-in Courier's External channels, as Chip does."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from tests.support.courier import Courier
from tests.support.fetch import Response, fetch
from tests.support.rapidpro import Channel

FORM = "application/x-www-form-urlencoded"


def tell(
    courier: Courier,
    channel: Channel | str,
    action: str = "receive",
    method: str = "POST",
    **fields: Any,
) -> Response:
    """Post a form to a channel, or put it into the URL of a GET; `from_` is the field `from`."""
    fields = {name.removesuffix("_"): value for name, value in fields.items()}
    url = channel_url(courier, channel, action)
    if method == "GET":
        return fetch(f"{url}?{urlencode(fields)}")
    return post(url, urlencode(fields).encode(), FORM)


def channel_url(courier: Courier, channel: Channel | str, action: str = "receive") -> str:
    """Return where a channel takes this."""
    uuid = channel if isinstance(channel, str) else channel.uuid
    return f"http://{courier.domain}/c/ex/{uuid}/{action}"


def post(url: str, body: bytes, content_type: str) -> Response:
    """Post a body of some type."""
    return fetch(url, method="POST", body=body, headers={"Content-Type": content_type})


def refusal(answer: Response) -> str:
    """Return why Courier does not take something."""
    assert answer.json["message"] == "Error"
    [entry] = answer.json["data"]
    assert (answer.status, entry["type"]) == (400, "error")
    return str(entry["error"])


def taken(answer: Response) -> dict[str, Any]:
    """Return what an answer says of a message that was taken."""
    assert (answer.status, answer.json["message"]) == (200, "Message Accepted"), answer
    [entry] = answer.json["data"]
    assert entry["type"] == "msg"
    return dict(entry)
