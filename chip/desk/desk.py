"""The desk, put together: Courier's stand-in, the guide, and the page for whoever answers.

Owns what follows from what: a message heard goes to every open window, and to the guide when
nobody is there; a reply goes out to Chip. It speaks the same contract as any Courier, over HTTP;
only presence comes another way, through a port of its own.
"""

import secrets
import time
import uuid as uuids
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from twisted.internet.task import LoopingCall

from chip.desk import guide
from chip.desk.access import Access, Login
from chip.desk.answer_times import Availabilities
from chip.desk.api import Api
from chip.desk.commands import DeskCommands, Heard
from chip.desk.first_channels import FirstChannels
from chip.desk.front import FrontPage
from chip.desk.queries import DeskQueries
from chip.desk.receive import Receiver
from chip.desk.records import DeskSettings, News, Reply
from chip.desk.routes import DeskRoutes, welcome
from chip.desk.safe_headers import with_safe_headers
from chip.desk.sender import Post, Sender
from chip.desk.sessions import Sessions
from chip.desk.windows import Windows
from chip.errors import Unavailable
from chip.limits import Limits
from chip.models import Channel, ChatKey
from chip.sqlite.database import SqliteDatabase
from chip.tasks import Clock, Tasks, every
from chip.web.http.answers import Handler

CATCH_UP_EVERY = 5.0
"""Seconds between two looks for what an outage of the database has left."""


class DeskStore(Protocol):
    """The store on SQLite."""

    @property
    def database(self) -> SqliteDatabase:
        """Where everything is kept."""

    async def channel(self, uuid: str) -> Channel | None:
        """The active channel with this uuid."""

    def on_email(self, watcher: Callable[[int], None]) -> None:
        """Call `watcher` with a contact's id whenever his e-mail was written."""


class Presence(Protocol):
    """Who has his chat open; the hub knows."""

    def is_open(self, chat: ChatKey) -> bool:
        """Whether the visitor has this chat open."""

    def on_presence(self, watcher: Callable[[ChatKey, bool], None]) -> None:
        """Call `watcher` whenever that changes."""


class Desk:
    """`post` reaches Chip's own listener; `base_url` is how visitors reach it, as far as that is
    known, `public_url` the same as far as it was set; `now` is the time of day.

    `token` is the configured one, or empty. `hosts` are the names that the desk is asked for by,
    None for any. With `closed`, which says why, nobody can sit at the desk, and the rest works.
    `guide` False keeps the guide silent for good. `count_login` is told what came of each attempt
    to come in.
    """

    def __init__(
        self,
        store: DeskStore,
        *,
        post: Post,
        presence: Presence,
        clock: Clock,
        now: Callable[[], float] = time.time,
        base_url: str,
        public_url: str = "",
        token: str = "",
        guide: bool = True,
        limits: Limits | None = None,
        count_login: Callable[[Login], None] = lambda _: None,
        hosts: frozenset[str] | None = None,
        closed: str = "",
    ) -> None:
        self._store = store
        self._clock = clock
        self._base_url = base_url
        self._public_url = public_url
        self._token = token
        self._guide_allowed = guide
        self._limits = limits or Limits()
        self._count_login = count_login
        self._hosts = hosts
        self._closed = closed
        self._tasks = Tasks()
        host = public_url.partition("://")[2].partition("/")[0]
        self._windows = Windows(clock, self._limits, host)
        self._commands = DeskCommands(store.database, now)
        self._queries = DeskQueries(store.database, presence.is_open)
        self.channels = FirstChannels(store.database, store.channel)
        self.availability = Availabilities(store.database, clock.seconds, now)
        self._sender = Sender(self._commands, post, self.message_changed, clock, self._tasks)
        self._access: Access | None = None
        self._sessions: Sessions | None = None
        self._catching_up: LoopingCall | None = None
        self._untold = False
        self.settings = DeskSettings(guide=guide)
        presence.on_presence(self._presence_changed)
        store.on_email(self.conversation_changed)

    async def start(self) -> None:
        """Make what is missing, take up what waits."""
        key = await self._commands.setting("desk_key", "")
        if not key:
            key = secrets.token_hex(32)
            await self._commands.set("desk_key", key)
        self._access = Access(
            self._token, bytes.fromhex(key), self._clock.seconds, self._limits, self._count_login
        )
        self._sessions = Sessions(self._store.database, self._access.label, self._clock.seconds)
        await self._sessions.load()
        wanted = await self._commands.setting("guide", "on") == "on"
        self.settings = DeskSettings(guide=self._guide_allowed and wanted)
        await self.channels.site()
        await self.channels.front()
        self._windows.start(self._sessions)
        await self._sender.take_up()
        self._catching_up = every(self._clock, CATCH_UP_EVERY, self._catch_up, now=False)

    def send_away(self) -> None:
        """Tell all windows to come back later."""
        self._windows.send_away()

    async def stop(self) -> None:
        """Send everybody away, and finish what is in hand."""
        await self._windows.stop()
        if self._catching_up is not None:
            self._catching_up.stop()
            self._catching_up = None
        self._sender.stop()
        await self._tasks.finish()

    def handlers(self) -> dict[str, Handler]:
        """What is served, by the beginning of the path. To be called once it is started."""
        if self._access is None or self._sessions is None:
            raise RuntimeError("the desk is not started")
        api = Api(self._commands, self._queries, self)
        receiver = Receiver(self._store, self._commands, self)
        routes = DeskRoutes(
            self._access,
            self._sessions,
            api,
            self._windows,
            public_url=self._public_url,
            hosts=self._hosts,
            closed=self._closed,
        )
        return {
            "/c": with_safe_headers(receiver.handle),
            "/desk": with_safe_headers(routes.handle),
            "/welcome": with_safe_headers(welcome()),
        }

    def front(self) -> Handler:
        """What browsers see at ``/``."""
        page = FrontPage(self._public_url, own=self.channels.front, shown=self.channels.site)
        return with_safe_headers(page.handle)

    @property
    def front_link(self) -> str:
        """Where the front page is, as far as that is known."""
        return f"{self._base_url}/" if self._base_url else "where its proxy is; set public_url"

    @property
    def link(self) -> str:
        """Where whoever started Chip clicks to sit down at the desk, or why nobody can."""
        if self._closed:
            return self._closed
        if not self._base_url:
            return "at /desk/ there"
        if self._token or self._access is None:
            return f"{self._base_url}/desk/"
        return f"{self._base_url}/desk/?token={self._access.token}"

    # What visitors do, as Chip reports it (`chip.desk.receive.Listener`).

    def chat_started(self, conversation: int) -> None:
        """A visitor has a chat."""
        self.conversation_changed(conversation)

    def heard(self, conversation: int, said: Heard) -> None:
        """A visitor said something: all windows hear it, or else the guide, on the front page."""
        self.message_changed(said.id)
        is_for_guide = said.on_front_page and not said.taken_over
        if self.settings.guide and is_for_guide and not self._windows.anybody:
            self._tasks.spawn("the guide", self._answer(conversation, said))

    def reported(self, message: int) -> None:
        """A message's state has changed."""
        self.message_changed(message)

    async def _answer(self, conversation: int, said: Heard) -> None:
        lines = guide.answer(said.text, said.earlier)
        picture = [self._base_url + guide.PICTURE_PATH] if self._base_url else []
        replies = [
            Reply(
                uuid=str(uuids.uuid4()),
                text=line.text,
                quick_replies=list(line.quick_replies),
                attachments=picture if line.picture else [],
            )
            for line in lines
        ]
        for message in await self._commands.guide(conversation, replies):
            self.message_changed(message, send=True)

    # What is done at the desk (`api.DeskActions`).

    def message_changed(self, message: int, *, send: bool = False) -> None:
        """A message is new or has another state; with `send` it is to go out."""
        self._tell(self._tell_message(message, send))

    def conversation_changed(self, conversation: int) -> None:
        """A line of the list has changed."""
        self._tell(self._tell_conversation(conversation))

    async def set_guide(self, guide: bool) -> None:
        """Turn the guide on or off, unless it is off for good."""
        await self._commands.set("guide", "on" if guide else "off")
        self.settings = DeskSettings(guide=guide and self._guide_allowed)
        self._windows.tell(News(settings=self.settings))

    def _presence_changed(self, chat: ChatKey, is_open: bool) -> None:
        self._tell(self._tell_presence(chat))

    # Telling the windows, and what could not be told.

    def _tell(self, telling: Coroutine[Any, Any, None]) -> None:
        async def tell() -> None:
            try:
                await telling
            except Unavailable:
                self._untold = True

        self._tasks.spawn("telling the desk", tell())

    def _catch_up(self) -> None:
        self._tasks.spawn("catching up at the desk", self._do_what_was_left())

    async def _do_what_was_left(self) -> None:
        """Send and tell what could not be while the database could not be read."""
        try:
            await self._sender.take_up()
        except Unavailable:
            return
        if self._untold:
            self._untold = False
            self._windows.resync()

    async def _tell_message(self, number: int, send: bool) -> None:
        if not (send or self._windows.anybody):
            return
        message = await self._queries.message(number)
        if message is None:
            return
        if send:
            self._sender.wake(message.conversation)
        if self._windows.anybody:
            line = await self._queries.conversation(message.conversation)
            self._windows.tell(News(conversation=line, message=message))

    async def _tell_conversation(self, number: int) -> None:
        if self._windows.anybody:
            self._windows.tell(News(conversation=await self._queries.conversation(number)))

    async def _tell_presence(self, chat: ChatKey) -> None:
        if self._windows.anybody:
            number = await self._queries.find(chat)
            if number is not None:
                await self._tell_conversation(number)
