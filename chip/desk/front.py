"""The front page: what a browser sees at ``/`` when Chip runs alone.

Owns the page and what is filled in: the channel, the line to embed. The site shows it to browsers
only; anything else that asks ``/`` gets the version.
"""

import re
from collections.abc import Callable, Coroutine
from html import escape
from string import Template
from typing import Any

from twisted.web.resource import Resource
from twisted.web.server import Request

import chip
from chip.desk.http import HTML, Answer, serve
from chip.desk.routes import page
from chip.models import Channel
from chip.tasks import Tasks

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " img-src 'self' http: https: data: blob:; media-src http: https:; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)
_HOST = re.compile(rb"[A-Za-z0-9.\-]{1,253}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")


class FrontPage(Resource):
    """`base_url` is where this server is reached, for a request that does not say; `channel`
    finds the channel that the page's visitors come to."""

    isLeaf = True

    def __init__(
        self, base_url: str, channel: Callable[[], Coroutine[Any, Any, Channel]], tasks: Tasks
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._base_url = base_url
        self._channel = channel
        self._tasks = tasks
        self._page = Template(page("front.html").body.decode())

    def render(self, request: Request) -> int:
        return serve(request, self._tasks, self._answer(request))

    async def _answer(self, request: Request) -> Answer:
        channel = await self._channel()
        body = self._page.substitute(
            base=escape(self._base(request)),
            channel=escape(channel.uuid),
            version=escape(chip.__version__),
        )
        headers = (("content-security-policy", _POLICY), ("vary", "Accept"))
        return Answer(200, body.encode(), HTML, headers)

    def _base(self, request: Request) -> str:
        host = request.getHeader(b"host") or b""
        if not _HOST.fullmatch(host):
            return self._base_url
        forwarded = (request.getHeader(b"x-forwarded-proto") or b"").lower()
        secure = request.isSecure() or forwarded == b"https"
        return f"{'https' if secure else 'http'}://{host.decode('ascii')}"
