"""The desk on a listener of its own, with a Chip that the test plays.

desk = DeskFixture(tmp_path)
await desk.open()
await desk.receive({"type": "msg_in", "msg": {"text": "hello"}})
assert [sent["msg"]["text"] for sent in desk.sent] == ["Hello! 👋", …]
"""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import treq
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.web.client import Agent, HTTPConnectionPool

from chip.desk.desk import Desk
from chip.errors import Unavailable
from chip.models import Channel, ChatKey
from chip.sqlite.database import SqliteDatabase
from chip.sqlite.files import database_path
from chip.store.sqlite import SqliteStore
from tests.support.visitor import Visitor
from tests.support.web import FakeChatServer, build_site

CHAT = "65vbbDAQCdPdEWlEhDGy4utO"
OTHER = "AAAAbDAQCdPdEWlEhDGy4utO"
NOON = 1_714_564_800.0
_PATIENCE = 10.0


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class DeskFixture:
    """A desk, whoever sits there, and what Chip would see of it.

    `answers` is what Chip says to the next sends, in turn; afterwards 200. None: no answer.
    Visitors come from a website, unless they are `on_front_page`.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        on_front_page: bool = False,
        trusted: tuple[str, ...] = (),
        **options: Any,
    ) -> None:
        self.data_dir = data_dir
        self.on_front_page = on_front_page
        self.trusted = trusted
        self.options = options
        self.clock = Clock()
        self.clock.advance(NOON)
        self.sent: list[dict[str, Any]] = []
        self.answers: list[int | None] = []
        self.online: set[ChatKey] = set()
        self.cookie = ""
        self._watchers: list[Callable[[ChatKey, bool], None]] = []
        self._pool = HTTPConnectionPool(reactor, persistent=False)
        self._agent = Agent(reactor, pool=self._pool)
        self._awaited: list[tuple[int, Deferred[None]]] = []

    # Opening and closing.

    async def open(self) -> None:
        """Start the desk."""
        self.database = SqliteDatabase(self.data_dir, reactor)
        await self.database.open()
        self.store = SqliteStore(self.database)
        self._watchers.clear()
        self.desk = Desk(
            self.store,
            post=self._post,
            presence=self,
            clock=self.clock,
            now=self.clock.seconds,
            **{"base_url": "http://chip.example", **self.options},
        )
        await self.desk.start()
        find = self.desk.channels.front if self.on_front_page else self.desk.channels.site
        self.channel: Channel = await find()
        mounts = {**self.desk.handlers(), "/front": self.desk.front()}
        self._site = build_site(FakeChatServer(), reactor, trusted=self.trusted, mounts=mounts)
        self._port = reactor.listenTCP(0, self._site, interface="127.0.0.1")
        self.url = f"http://127.0.0.1:{self._port.getHost().port}"

    async def close(self) -> None:
        """Stop it, in the order in which Chip does."""
        await self._port.stopListening()
        self.desk.send_away()
        await self._site.drain(_PATIENCE)
        await self.desk.stop()
        await self.database.close()

    @property
    def token(self) -> str:
        """The token in the link."""
        return self.desk.link.partition("token=")[2]

    # The disk.

    @asynccontextmanager
    async def unreadable(self) -> AsyncIterator[None]:
        """Nothing can be read meanwhile; what is written is stored."""
        async with self._lost(self.database.read):
            yield

    @asynccontextmanager
    async def unwritable(self) -> AsyncIterator[None]:
        """Nothing can be written meanwhile; what is there can be read."""
        async with self._lost(self.database.write):
            yield

    @asynccontextmanager
    async def _lost(self, use: Callable[..., Any]) -> AsyncIterator[None]:
        """One of the database's connections breaks, and its file is not where it was."""
        path = database_path(self.data_dir)
        away = path.rename(path.with_name("away"))
        with contextlib.suppress(Unavailable):
            await use(lambda db: db.close())
        try:
            yield
        finally:
            # What was asked for until now has failed once this has.
            with contextlib.suppress(Unavailable):
                await use(lambda db: None)
            away.rename(path)

    # The hub, as the desk sees it.

    def is_open(self, chat: ChatKey) -> bool:
        return chat in self.online

    def on_presence(self, watcher: Callable[[ChatKey, bool], None]) -> None:
        self._watchers.append(watcher)

    def comes_or_goes(self, chat: str = CHAT) -> None:
        """The visitor opens his chat, or closes it."""
        key = ChatKey(chat, self.channel.uuid)
        self.online ^= {key}
        for watcher in self._watchers:
            watcher(key, key in self.online)

    # Chip.

    async def _post(self, path: str, body: bytes) -> int:
        assert path == f"/wc/send/{self.channel.uuid}/"
        self.sent.append(json.loads(body))
        status = self.answers.pop(0) if self.answers else 200
        due = [entry for entry in self._awaited if entry[0] <= len(self.sent)]
        self._awaited = [entry for entry in self._awaited if entry[0] > len(self.sent)]
        for _, done in due:
            reactor.callLater(0, done.callback, None)
        if status is None:
            raise ConnectionError("no answer")
        return status

    async def has_sent(self, count: int) -> list[dict[str, Any]]:
        """Wait until so many sends were made; return all of them."""
        if len(self.sent) < count:
            done: Deferred[None] = Deferred()
            self._awaited.append((count, done))
            await done.addTimeout(_PATIENCE, reactor)
        return self.sent

    async def receive(self, *events: dict[str, Any], **fields: Any) -> Answer:
        """Chip reports what a visitor did."""
        body = {
            "chat_id": CHAT,
            "secret": self.channel.secret,
            "events": list(events),
            **fields,
        }
        path = f"/c/chp/{self.channel.uuid}/receive"
        return await self.ask("POST", path, json.dumps(body).encode())

    async def hear(self, text: str, **fields: Any) -> Answer:
        """Chip reports what a visitor said."""
        return await self.receive({"type": "msg_in", "msg": {"text": text}}, **fields)

    # Whoever is in front of a browser.

    async def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> Answer:
        """Make a request, with the cookie if there is one."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookie:
            sent["cookie"] = self.cookie
        answer = await treq.request(
            method,
            self.url + path,
            headers=sent,
            data=body,
            agent=self._agent,
            allow_redirects=False,
            browser_like_redirects=False,
        )
        found = {
            name.decode().lower(): values[0].decode()
            for name, values in answer.headers.getAllRawHeaders()
        }
        return Answer(answer.code, found, await answer.content())

    async def sit_down(self) -> None:
        """Come in by the link that was printed."""
        answer = await self.ask("GET", f"/desk/?token={self.token}")
        self.cookie = answer.headers["set-cookie"].partition(";")[0]

    async def get(self, path: str) -> Any:
        """Ask the desk for something."""
        answer = await self.ask("GET", f"/desk/api/{path}")
        assert answer.status == 200, answer
        return answer.json

    async def post(self, path: str, body: dict[str, Any]) -> Answer:
        """Do something at the desk."""
        return await self.ask(
            "POST", f"/desk/api/{path}", json.dumps(body).encode(), x_chip_desk="1"
        )

    async def watch(self, **headers: str) -> Window:
        """Open a window of the desk. Raises RefusedError."""
        window = Window(self.url, self.cookie, **headers)
        await window.connect()
        return window


def reply(text: str = "Hi", **more: Any) -> dict[str, Any]:
    """The body of a request by which somebody at the desk answers."""
    return {"uuid": str(uuid.uuid4()), "text": text, **more}


def status(message: dict[str, Any], state: str) -> dict[str, Any]:
    """The event by which Chip reports what became of a message."""
    return {"type": "msg_status", "status": {"msg_uuid": message["uuid"], "status": state}}


class Window(Visitor):
    """An open window, which hears the news."""

    def __init__(self, url: str, cookie: str, **headers: str) -> None:
        super().__init__(url, "", headers={"Cookie": cookie, **headers}, patience=_PATIENCE)
        self.url = f"{url.replace('http', 'ws', 1)}/desk/api/events"

    async def until(self, type: str, **wanted: Any) -> Any:
        """The first event of this type that has not been taken, with such a value somewhere."""
        while True:
            event = await self.next()
            news = event.get("news", {})
            if event["type"] == type and _has(news, wanted):
                return news


def _has(data: Any, wanted: dict[str, Any]) -> bool:
    parts = [part for part in (data or {}).values() if isinstance(part, dict)]
    return not wanted or any(
        all(part.get(name) == value for name, value in wanted.items()) for part in parts
    )
