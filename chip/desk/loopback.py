"""The desk's way to Chip: an HTTP request to this very process, as any Courier would make it."""

from io import BytesIO
from typing import Any

from twisted.web.client import Agent, FileBodyProducer, readBody
from twisted.web.http_headers import Headers

from chip.desk.sender import Post

_HEADERS = Headers({b"content-type": [b"application/json"]})


def loopback_post(agent: Agent, base_url: str) -> Post:
    """A way to post to the server at `base_url`, by `agent`, which brings its own time-outs."""

    async def post(path: str, body: bytes) -> int:
        url = (base_url + path).encode("ascii")
        producer: Any = FileBodyProducer(BytesIO(body))
        response = await agent.request(b"POST", url, _HEADERS, producer)
        # Until it is read, the connection cannot be used again.
        await readBody(response)
        return int(response.code)

    return post
