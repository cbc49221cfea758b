"""The front page: what a browser sees at ``/`` when Chip runs alone.

Owns the page and what is filled in: the channel of its own chat, where the guide answers, and the
line for a website, which names another. The site shows the page to browsers only; anything else
that asks ``/`` gets the version.
"""

import re
from collections.abc import Awaitable, Callable
from html import escape
from string import Template

import chip
from chip.desk.page_files import page
from chip.models import Channel
from chip.web.http.answers import HTML, Answer
from chip.web.http.request import Request

_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    b" img-src 'self' http: https: data: blob:; media-src http: https:; base-uri 'none';"
    b" form-action 'none'; frame-ancestors 'none'"
)
_HOST = re.compile(r"[A-Za-z0-9.\-]{1,253}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")


class FrontPage:
    """The line has `public_url`, or else the host that the page was asked of. `own` finds the
    channel that the page's visitors come to, `shown` the one in the line for a website."""

    def __init__(
        self,
        public_url: str,
        *,
        own: Callable[[], Awaitable[Channel]],
        shown: Callable[[], Awaitable[Channel]],
    ) -> None:
        self._public_url = public_url
        self._own = own
        self._shown = shown
        self._page = Template(page("front.html").body.decode())

    async def handle(self, request: Request) -> Answer:
        """The page, filled in."""
        own, shown = await self._own(), await self._shown()
        body = self._page.substitute(
            base=escape(self._base(request)),
            own=escape(own.uuid),
            channel=escape(shown.uuid),
            version=escape(chip.__version__),
        )
        return Answer(200, body.encode(), HTML, ((b"Content-Security-Policy", _POLICY),))

    def _base(self, request: Request) -> str:
        if self._public_url:
            return self._public_url
        host = request.host_and_port
        if not _HOST.fullmatch(host):
            return ""
        return f"{'https' if request.is_by_tls else 'http'}://{host}"
