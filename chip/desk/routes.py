"""What the desk answers under ``/desk``, to those who have signed in and to nobody else.

    GET  /desk/?token=…   the link that Chip prints: a cookie, and on to the page
    POST /desk/login      the same by a form
    POST /desk/logout     the session ends, and with it that browser's other windows
    GET  /desk/           the page and its files
    …    /desk/api/…      what the page asks for

Without a cookie the answer is 401, with a wrong token 403. What changes anything must carry the
header ``X-Chip-Desk``: a page of another site, or of another port of this host, cannot send it
without being asked first whether it may, and it may not. What another site embeds or fetches is
refused, and so is a request for a host that is not this one: a name that somebody has led here.
"""

from math import ceil
from string import Template
from urllib.parse import parse_qs

from chip.desk.access import Access
from chip.desk.api import Api
from chip.desk.page_files import PAGES, page, scripts
from chip.desk.sessions import SESSION_DAYS, Sessions
from chip.desk.windows import Windows
from chip.web.http.answers import (
    GET_OR_HEAD,
    HTML,
    NOT_FOUND,
    Answer,
    Handler,
    Header,
    error_answer,
    json_answer,
    method_not_allowed,
)
from chip.web.http.request import Request
from chip.widget.serving import SOURCES

_GATED = ("desk.css", "icon.svg")
_PUBLIC = ("plain.css", "front.js", "icon.svg", "postcard.png")

_PAGE_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    b" img-src 'self' http: https:; media-src http: https:; base-uri 'none'; form-action 'self';"
    b" frame-ancestors 'none'"
)
_PLAIN_POLICY = (
    b"default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self';"
    b" frame-ancestors 'none'"
)

# Browsers ask for an icon even for a page that is left at once.
_ON_THE_WAY = (
    b'<!doctype html><title>Desk</title><link rel="icon" href="../welcome/icon.svg">'
    b'<a href="./">To the desk</a>'
)

ASK = (
    "The desk belongs to whoever started Chip. Open the link that Chip printed when it started,"
    " or enter its token here."
)
WRONG = "That token is not the right one. A restart of Chip may have made a new one."
TOO_MANY = "Too many attempts. Wait a minute, then try again."


class DeskRoutes:
    """``/desk``. With `closed` it only says why it is. `hosts` are the names that it is asked for
    by; None for any."""

    def __init__(
        self,
        access: Access,
        sessions: Sessions,
        api: Api,
        windows: Windows,
        *,
        public_url: str = "",
        hosts: frozenset[str] | None = None,
        closed: str = "",
    ) -> None:
        self._access = access
        self._sessions = sessions
        # A proxy may serve it below a path of its own: so the pages' links are relative.
        self._path = "/" + "/".join([*public_url.split("/")[3:], "desk"])
        self._is_secure = public_url.startswith("https:")
        self._hosts = hosts
        self._api = api
        self._windows = windows
        self._closed = closed
        # What the pages show and hear as the widget does, they do by its own modules.
        shared = {f"widget/{name}": script for name, script in scripts(SOURCES).items()}
        self._files = {name: page(name) for name in _GATED} | scripts(PAGES) | shared
        html = Template(page("desk.html").body.decode()).substitute(desk=access.cookie_name)
        self._page = Answer(200, html.encode(), HTML, ((b"Content-Security-Policy", _PAGE_POLICY),))
        self._login = Template(page("login.html").body.decode())

    async def handle(self, request: Request) -> Answer | None:
        """Answer whoever has been let in, let somebody in, or refuse."""
        path = request.below
        if request.path == request.mount and request.method in GET_OR_HEAD:
            _, mark, query = request.uri.partition(b"?")
            slash = (b"Location", b"desk/" + mark + query)
            return Answer(301, b"", HTML, (slash,))
        if self._closed:
            return self._refuse(path, self._closed, 403)
        if self._is_foreign(request):
            return error_answer(403, "the desk is not for other sites")
        if path == ["login"] and request.method == b"POST":
            form = parse_qs(request.body(4096).decode("utf-8", "replace"))
            return await self._let_in(request, form.get("token", [""])[0])
        if path == [] and b"token" in (request.args or {}):
            return await self._let_in(request, request.argument(b"token"))
        session = self._session(request)
        if not self._sessions.is_good(session):
            return self._refuse(path, ASK, 401)
        if request.method not in GET_OR_HEAD and request.getHeader(b"x-chip-desk") is None:
            return error_answer(403, "the header X-Chip-Desk is missing")
        return await self._serve(request, path, session)

    async def _serve(self, request: Request, path: list[str], session: str) -> Answer | None:
        if path == ["api", "events"]:
            return self._windows.open(request, session)
        if path[:1] == ["api"]:
            return await self._api.answer(request, path[1:])
        if path == ["logout"] and request.method == b"POST":
            try:
                await self._sessions.end(session)
            finally:
                # Last: these windows ask who comes in again, and is given a new cookie. That must
                # not come before the answer to this, which takes the old one away.
                self._windows.end_session(session)
            return json_answer({}).with_headers(self._cookie(request, "", 0))
        if request.method not in GET_OR_HEAD:
            return method_not_allowed(*GET_OR_HEAD)
        if path == []:
            return self._page
        return self._files.get("/".join(path), NOT_FOUND)

    def _is_foreign(self, request: Request) -> bool:
        """Whether another site is behind this request: by a name of its own that leads here, or by
        a page that embeds or fetches something. To follow a link from anywhere is no harm."""
        if self._hosts is not None and request.asked_host not in self._hosts:
            return True
        site, mode = request.getHeader(b"sec-fetch-site"), request.getHeader(b"sec-fetch-mode")
        return site in (b"cross-site", b"same-site") and mode != b"navigate"

    # Being let in.

    def _session(self, request: Request) -> str:
        cookie = request.getCookie(self._cookie_name(request).encode())
        return (cookie or b"").decode("latin-1")

    async def _let_in(self, request: Request, token: str) -> Answer:
        # The page asks by this header, and shows the answer itself.
        path = [] if request.getHeader(b"x-chip-desk") is None else request.below
        outcome, wait = self._access.come_in(token, request.address)
        if outcome == "too_many":
            again = (b"Retry-After", b"%d" % ceil(wait))
            return self._refuse(path, TOO_MANY, 429).with_headers(again)
        if outcome == "wrong_token":
            return self._refuse(path, WRONG, 403)
        cookie = self._cookie(request, await self._sessions.begin(), SESSION_DAYS * 86_400)
        # Not a redirect: after a link on another site it would be made without the new cookie.
        return Answer(200, _ON_THE_WAY, HTML, (cookie, (b"Refresh", b"0;url=./")))

    def _cookie_name(self, request: Request) -> str:
        # A browser takes a cookie of this name from nobody but this very host, over TLS.
        return ("__Host-" if self._by_tls(request) else "") + self._access.cookie_name

    def _by_tls(self, request: Request) -> bool:
        return self._is_secure or request.is_by_tls

    def _cookie(self, request: Request, value: str, age: int) -> Header:
        reach = "Path=/; Secure" if self._by_tls(request) else f"Path={self._path}"
        cookie = (
            f"{self._cookie_name(request)}={value}; {reach}; Max-Age={age};"
            " HttpOnly; SameSite=Strict"
        )
        return b"Set-Cookie", cookie.encode()

    def _refuse(self, path: list[str], why: str, status: int) -> Answer:
        if path:
            return error_answer(status, why)
        form = "" if self._closed else "open"
        text = self._login.substitute(why=why, form=form)
        return Answer(status, text.encode(), HTML, ((b"Content-Security-Policy", _PLAIN_POLICY),))


def welcome() -> Handler:
    """The handler for ``/welcome``: what everybody may see of these pages."""
    public = {
        name: page(name).with_headers(
            (b"Cache-Control", b"public, max-age=300"),
            (b"Cross-Origin-Resource-Policy", b"cross-origin"),
        )
        for name in _PUBLIC
    }

    async def handle(request: Request) -> Answer:
        found = public.get("/".join(request.below))
        if found is None:
            return NOT_FOUND
        return found if request.method in GET_OR_HEAD else method_not_allowed(*GET_OR_HEAD)

    return handle
