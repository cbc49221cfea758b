"""A site for the widget: a website, and a Chip whose part is spoken by the test.

Owns what the browser is given instead of a network: the site's pages, the script, and a scripted
server at the other end of the socket. Faults and looks are tested here; whether the two real
sides understand each other is tested against a real Chip.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import BrowserContext, Locator, Page, Route, WebSocketRoute

from chip.widget.serving import BUILT, SOURCES

SITE = "https://shop.example"
SERVER = "https://chat.example.org"
CHANNEL = "7d62d551-3030-4100-a260-2d7c4e9693e7"
EMBED = f'<script async src="{SERVER}/wc/widget.js" data-channel="{CHANNEL}"{{}}></script>'
PAGE = """<!doctype html><html lang="{lang}"><meta charset="utf-8"><title>A shop</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">{head}
<main><h1>A shop</h1><p>Buy <a href="/more">more</a>.</p></main>
{embed}</html>"""
START = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)

_script = (BUILT / "widget.js").read_text()
_later = {f"{SERVER}/wc/widget/{path.name}": path.read_text() for path in BUILT.glob("*.js")}
WORDS = f"{SERVER}/wc/widget/words/"
MORE = f"{SERVER}/wc/widget/availability.js"
ATTENTION = f"{SERVER}/wc/widget/attention.js"
FACTS = f"{SERVER}/wc/availability/{CHANNEL}"
CORS = {"Access-Control-Allow-Origin": "*"}
ANY = {"headers": CORS, "content_type": "application/json"}


def embed(**data: str) -> str:
    """Return the embed line with further `data-` attributes."""
    return EMBED.format("".join(f" data-{name}='{value}'" for name, value in data.items()))


class ScriptedSite:
    """A website with the widget in it, for one visitor: `context` is his browser.

    No policy keeps a page from the scripted socket, which is none of the browser's; `socket` False
    leaves the page with the browser's own.
    """

    def __init__(
        self, context: BrowserContext, *, csp: str | None = None, socket: bool = True
    ) -> None:
        self.context = context
        self.chip = ScriptedChip()
        self.pages: dict[str, str] = {}
        self.requests: list[str] = []
        self.script = _script
        self.facts: dict[str, Any] = {}
        self.words_answer: Callable[[Route], None] | None = None
        self._headers = {"Content-Security-Policy": csp} if csp else {}
        context.route("**/*", self._answer)
        if socket:
            context.route_web_socket(f"**/wc/connect/{CHANNEL}", self.chip.connected)

    def page(
        self, markup: str | None = None, *, path: str = "/", lang: str = "en", head: str = ""
    ) -> Page:
        """Open a page of the site; `markup` is its embed line, or more; `head` is in its head."""
        line = embed() if markup is None else markup
        self.pages[path] = PAGE.format(lang=lang, embed=line, head=head)
        page = self.context.new_page()
        page.goto(SITE + path)
        return page

    def _answer(self, route: Route) -> None:
        url = route.request.url
        self.requests.append(url)
        if url == f"{SERVER}/wc/widget.js":
            route.fulfill(body=_script, content_type="text/javascript; charset=utf-8")
        elif url.startswith(WORDS):
            (self.words_answer or self.answer_words)(route)
        elif url in _later:
            route.fulfill(
                body=_later[url], content_type="text/javascript; charset=utf-8", headers=CORS
            )
        elif url == FACTS:
            route.fulfill(body=json.dumps(self.facts), **ANY)
        elif url.startswith(SITE) and (path := url.removeprefix(SITE)) in self.pages:
            route.fulfill(body=self.pages[path], content_type="text/html", headers=self._headers)
        elif url.startswith(SITE) and url.endswith(".svg"):
            route.fulfill(body=PICTURE, content_type="image/svg+xml")
        else:
            route.fulfill(status=204)

    def answer_words(self, route: Route) -> None:
        """Answer a request for the words of a language, as Chip does."""
        name = route.request.url.removeprefix(WORDS)
        route.fulfill(body=(SOURCES / "words" / name).read_bytes(), **ANY)


PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="400" height="300">'
    '<defs><linearGradient id="g" x2="1" y2="1"><stop stop-color="#8fd3c8"/>'
    '<stop offset="1" stop-color="#f3c77b"/></linearGradient></defs>'
    '<rect width="400" height="300" fill="url(#g)"/><circle cx="290" cy="90" r="42" fill="#fff8"/>'
    '<path d="M0 250 130 130l90 90 60-50 120 100v30H0z" fill="#0f766e"/></svg>'
)


class ScriptedChip:
    """The server's part. It behaves like Chip until the test tells it otherwise."""

    def __init__(self) -> None:
        self.sockets: list[WebSocketRoute] = []
        self.heard: list[dict[str, Any]] = []
        self.said: list[dict[str, Any]] = []
        self.known: set[str] = set()
        self.accepted: list[tuple[str, str]] = []
        self._usual: dict[str, Callable[[WebSocketRoute, dict[str, Any]], None]] = {
            "start_chat": self._start,
            "send_msg": self._accept,
            "get_history": self._history,
            "ping": lambda ws, _: self.tell(ws, type="pong"),
        }
        self.answers = dict(self._usual)
        self.clock = START
        self._ids = 100

    def connected(self, ws: WebSocketRoute) -> None:
        self.sockets.append(ws)
        ws.on_message(lambda text: self._hear(ws, json.loads(text)))
        ws.on_close(lambda code, reason: self._gone(ws, code, reason))

    def tell(self, ws: WebSocketRoute, **event: Any) -> None:
        ws.send(json.dumps(event))

    def tell_all(self, **event: Any) -> None:
        for ws in self.sockets:
            self.tell(ws, **event)

    def say(self, text: str = "", **fields: Any) -> dict[str, Any]:
        """Say something to the visitor, live; it is in the history from then on."""
        message = self.remember("msg_out", text=text, **fields)
        self.tell_all(type="chat_out", msg_out=message)
        return message

    def remember(self, side: str, text: str = "", **fields: Any) -> dict[str, Any]:
        """Put something into the history as `msg_in` or `msg_out`."""
        self._ids += 1
        time = fields.pop("time", None) or self._now()
        message = {"id": self._ids, "text": text, **fields, "time": time}
        if side == "msg_out":
            message.setdefault("origin", "chat")
        self.said.append({side: message})
        return message

    def commands(self, kind: str) -> list[dict[str, Any]]:
        """Return the commands of that type heard so far."""
        return [command for command in self.heard if command["type"] == kind]

    def refuse(self, kind: str, code: str, **more: Any) -> None:
        """From now on answer commands of that type by an error."""

        def answer(ws: WebSocketRoute, command: dict[str, Any]) -> None:
            ref = {"ref": command["ref"]} if "ref" in command else {}
            self.tell(ws, type="error", code=code, message="scripted", command=kind, **ref, **more)

        self.answers[kind] = answer

    def ignore(self, kind: str) -> None:
        """From now on leave commands of that type without an answer."""
        self.answers[kind] = lambda ws, command: None

    def behave(self, kind: str) -> None:
        """Answer commands of that type as Chip does, again."""
        self.answers[kind] = self._usual[kind]

    def drop(self, code: int = 1012) -> None:
        """Close every socket."""
        for ws in list(self.sockets):
            ws.close(code=code)
        self.sockets.clear()

    def _now(self) -> str:
        self.clock += timedelta(seconds=7)
        return self.clock.isoformat().replace("+00:00", "Z")

    def _gone(self, ws: WebSocketRoute, code: int | None, reason: str | None) -> None:
        if ws in self.sockets:
            self.sockets.remove(ws)
        ws.close(code=code, reason=reason)

    def _hear(self, ws: WebSocketRoute, command: dict[str, Any]) -> None:
        self.heard.append(command)
        answer = self.answers.get(command["type"])
        if answer:
            answer(ws, command)

    def _start(self, ws: WebSocketRoute, command: dict[str, Any]) -> None:
        chat = command.get("chat_id")
        if chat in self.known:
            self.tell(ws, type="chat_resumed", chat_id=chat, email="")
            return
        chat = f"chat{len(self.known):020}"
        self.known.add(chat)
        self.tell(ws, type="chat_started", chat_id=chat)

    def _accept(self, ws: WebSocketRoute, command: dict[str, Any]) -> None:
        ref, text = command["ref"], command["text"]
        if ref not in [known for known, _ in self.accepted]:
            self.accepted.append((ref, text))
            message = self.remember("msg_in", text, ref=ref)
            echo = {"text": text, "ref": ref, "time": message["time"]}
            for other in self.sockets:
                if other is not ws:
                    self.tell(other, type="msg_echo", msg_in=echo)
        self.tell(ws, type="msg_accepted", ref=ref)

    def _history(self, ws: WebSocketRoute, command: dict[str, Any]) -> None:
        def time(item: dict[str, Any]) -> str:
            return next(iter(item.values()))["time"]

        older = [item for item in self.said if time(item) < command["before"]]
        older.sort(key=time, reverse=True)
        self.tell(ws, type="history", history=older[:25])


class Widget:
    """The widget as a visitor finds it on a page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.host = page.locator("chip-chat")
        self.launcher = page.locator("chip-chat .launcher")
        self.badge = page.locator("chip-chat .badge")
        self.panel = page.locator("chip-chat .panel")
        self.log = page.locator("chip-chat .log")
        self.messages = page.locator("chip-chat article")
        self.bubbles = page.locator("chip-chat .bubble")
        self.input = page.locator("chip-chat .input")
        self.send_button = page.locator("chip-chat .send")
        self.banner = page.locator("chip-chat .banner")
        self.replies = page.locator("chip-chat .quick-reply")

    def open(self, *, online: bool = True) -> Widget:
        """Open the panel, and wait until the server serves the chat, if it is to."""
        self.launcher.click()
        self.panel.wait_for()
        return self.online() if online else self

    def online(self) -> Widget:
        """Wait until the server serves the chat."""
        # Not `wait_for_function`: that evaluates in the page, where a strict policy forbids it.
        state = "document.querySelector('chip-chat').state"
        self.until(lambda: self.page.evaluate(state) == "online", "the chat to be online")
        return self

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait for something on the test's side of the site, which turns with the page."""
        deadline = time.monotonic() + 15
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain: {what}"
            # By no clock of the page's, which the test may have stopped.
            self.page.wait_for_timeout(10)

    def write(self, text: str) -> None:
        """Type it and press Enter."""
        self.input.fill(text)
        self.input.press("Enter")

    def message(self, text: str) -> Locator:
        return self.messages.filter(has_text=text)

    def texts(self) -> Sequence[str]:
        return self.bubbles.all_inner_texts()
