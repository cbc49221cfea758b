"""The desk's door: everything under ``/desk`` goes to whoever has been let in, and to nobody else.

    GET  /desk/?token=…   the link that Chip prints: a cookie, and on to the page
    POST /desk/login      the same by a form
    POST /desk/logout     the cookie is taken back
    GET  /desk/           the page and its files
    …    /desk/api/…      what the page asks for

Without a cookie the answer is 401, with a wrong token 403. What changes anything must carry the
header ``X-Chip-Desk``: a page of another site, or of another port of this host, cannot send it
without being asked first whether it may, and it may not.
"""

from importlib.resources import files
from string import Template
from urllib.parse import parse_qs

from twisted.web.resource import Resource
from twisted.web.server import Request

from chip.desk.access import DAYS, Access
from chip.desk.api import Api
from chip.desk.event_stream import EventStreams
from chip.desk.http import (
    HTML,
    Answer,
    Denied,
    body_of,
    error_answer,
    json_answer,
    path_of,
    serve,
)
from chip.errors import NotFound, Unavailable
from chip.tasks import Tasks

_PAGES = files("chip.desk") / "pages"
_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
}
_GATED = ("desk.css", "icon.svg")
_PUBLIC = ("plain.css", "front.js", "icon.svg", "postcard.png")

_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " img-src 'self' http: https:; media-src http: https:; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'none'"
)
_PLAIN_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'none'"
)

# Browsers ask for an icon even for a page that is left at once.
_ON_THE_WAY = (
    b'<!doctype html><title>Desk</title><link rel="icon" href="/welcome/icon.svg">'
    b'<a href="/desk/">To the desk</a>'
)

ASK = (
    "The desk belongs to whoever started Chip. Open the link that Chip printed when it started,"
    " or enter its token here."
)
WRONG = "That token is not the right one. A restart of Chip may have made a new one."
TOO_MANY = "Too many attempts. Wait a minute, then try again."


class DeskResource(Resource):
    """``/desk``. With `closed` it only says why it is."""

    isLeaf = True

    def __init__(
        self, access: Access, api: Api, streams: EventStreams, tasks: Tasks, closed: str = ""
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._access = access
        self._api = api
        self._streams = streams
        self._tasks = tasks
        self._closed = closed
        scripts = [entry.name for entry in _PAGES.iterdir() if entry.name.endswith(".js")]
        self._files = {name: page(name) for name in (*_GATED, *scripts)}
        self._page = page("desk.html")
        self._login = Template(page("login.html").body.decode())

    def render(self, request: Request) -> int:
        path = path_of(request)
        if path == ["api", "events"] and request.method == b"GET" and self._is_in(request):
            try:
                return self._streams.open(request)
            except Unavailable as error:
                return serve(request, self._tasks, _raise(error))
        return serve(request, self._tasks, self._answer(request, path))

    async def _answer(self, request: Request, path: list[str]) -> Answer:
        if self._closed:
            return self._refuse(path, self._closed, 403)
        if path == ["login"] and request.method == b"POST":
            form = parse_qs(body_of(request, 4096).decode("utf-8", "replace"))
            return self._let_in(request, form.get("token", [""])[0])
        if path == [] and b"token" in (request.args or {}):
            return self._let_in(request, request.args[b"token"][0].decode("utf-8", "replace"))
        if not self._is_in(request):
            return self._refuse(path, ASK, 401)
        if request.method not in (b"GET", b"HEAD") and request.getHeader(b"x-chip-desk") is None:
            raise Denied("the header X-Chip-Desk is missing", 403)
        return await self._serve(request, path)

    async def _serve(self, request: Request, path: list[str]) -> Answer:
        if path[:1] == ["api"]:
            return await self._api.answer(request, path[1:])
        if path == ["logout"] and request.method == b"POST":
            return json_answer({})._replace(headers=(self._cookie(request, "", 0),))
        if request.method not in (b"GET", b"HEAD"):
            return error_answer("method not allowed", 405)._replace(headers=(("allow", "GET"),))
        if path == []:
            return self._page._replace(headers=(("content-security-policy", _PAGE_POLICY),))
        if len(path) == 1 and path[0] in self._files:
            return self._files[path[0]]
        raise NotFound("not found")

    # Being let in.

    def _is_in(self, request: Request) -> bool:
        cookie = request.getCookie(self._access.cookie_name.encode())
        known = cookie is not None and self._access.is_cookie(cookie.decode("latin-1"))
        return known and not self._closed

    def _let_in(self, request: Request, token: str) -> Answer:
        wait = self._access.wait(str(getattr(request.getClientAddress(), "host", "")))
        if wait:
            answer = self._refuse([], TOO_MANY, 429)
            return answer._replace(headers=(*answer.headers, ("retry-after", str(int(wait) + 1))))
        if not self._access.is_token(token):
            return self._refuse([], WRONG, 403)
        cookie = self._cookie(request, self._access.new_cookie(), DAYS * 86_400)
        # Not a redirect: after a link on another site it would be made without the new cookie.
        return Answer(200, _ON_THE_WAY, HTML, (cookie, ("refresh", "0;url=/desk/")))

    def _cookie(self, request: Request, value: str, age: int) -> tuple[str, str]:
        secure = "; Secure" if request.isSecure() else ""
        return (
            "set-cookie",
            f"{self._access.cookie_name}={value}; Path=/desk; Max-Age={age};"
            f" HttpOnly; SameSite=Strict{secure}",
        )

    def _refuse(self, path: list[str], why: str, status: int) -> Answer:
        if path:
            return error_answer(why, status)
        form = "" if self._closed else "open"
        text = self._login.substitute(why=why, form=form)
        headers = (("content-security-policy", _PLAIN_POLICY),)
        return Answer(status, text.encode(), HTML, headers)


class WelcomeResource(Resource):
    """``/welcome``: what everybody may see of these pages."""

    isLeaf = True

    def __init__(self, tasks: Tasks) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._tasks = tasks
        cached = (("cache-control", "public, max-age=300"),)
        shared = (("cross-origin-resource-policy", "cross-origin"),)
        self._files = {name: page(name)._replace(headers=cached + shared) for name in _PUBLIC}

    def render(self, request: Request) -> int:
        return serve(request, self._tasks, self._answer(request, path_of(request)))

    async def _answer(self, request: Request, path: list[str]) -> Answer:
        if len(path) != 1 or path[0] not in self._files:
            raise NotFound("not found")
        if request.method not in (b"GET", b"HEAD"):
            return error_answer("method not allowed", 405)._replace(headers=(("allow", "GET"),))
        return self._files[path[0]]


def page(name: str) -> Answer:
    """A file of the pages as an answer."""
    kind = _TYPES.get(name.rpartition(".")[2], HTML)
    return Answer(200, (_PAGES / name).read_bytes(), kind)


async def _raise(error: Exception) -> Answer:
    raise error
