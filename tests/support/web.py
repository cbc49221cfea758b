"""A heart that only remembers what the web layer did with it, and a whole site around it.

heart = FakeHeart()
site = build_site(heart, clock)
heart.sessions[0].received        [b'{"type":"ping"}', …]
heart.sessions[0].client.send(b"…")
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from chip.limits import Limits
from chip.models import Channel, ChatKey
from chip.web.addresses import Addresses
from chip.web.connect import Connection, Connections
from chip.web.send import Sends
from chip.web.site import Site

CHANNEL = "7d62d551-3030-4100-a260-2d7c4e9693e7"
UNKNOWN = "00000000-3030-4100-a260-2d7c4e9693e7"
CHAT = ChatKey("65vbbDAQCdPdEWlEhDGy4utO", CHANNEL)


class FakeSession:
    """What came in on one connection. `starts` makes every first message start a chat."""

    def __init__(self, client: Connection, starts: bool) -> None:
        self.client = client
        self.frames: list[bytes] = []
        self.chat: ChatKey | None = None
        self.commands = self.errors = self.events_sent = 0
        self.closes = 0
        self._starts = starts

    def received(self, frame: bytes) -> None:
        self.commands += 1
        self.frames.append(frame)
        if self._starts:
            self.chat = CHAT

    def closed(self) -> None:
        self.closes += 1


class FakeDirectory:
    """Knows one channel. `trouble` is raised instead; `waits` are answered when the test says."""

    def __init__(self) -> None:
        self.trouble: Exception | None = None
        self.wait: Deferred[None] | None = None

    async def channel(self, uuid: str) -> Channel | None:
        if self.wait is not None:
            await self.wait
        if self.trouble is not None:
            raise self.trouble
        return Channel(uuid, 1, "sesame") if uuid == CHANNEL else None


class FakeHeart:
    """Sessions in the order of their opening, and the bodies of sends."""

    def __init__(self, starts: bool = True) -> None:
        self.directory = FakeDirectory()
        self.sessions: list[FakeSession] = []
        self.sends: list[tuple[str, bytes]] = []
        self.send_trouble: Exception | None = None
        self._starts = starts

    def open(self, channel: Channel, client: Connection) -> FakeSession:
        session = FakeSession(client, self._starts)
        self.sessions.append(session)
        return session

    async def accept_send(self, channel_uuid: str, body: bytes) -> None:
        if self.send_trouble is not None:
            raise self.send_trouble
        self.sends.append((channel_uuid, body))


class Counts:
    """An observer that keeps everything it is told."""

    def __init__(self) -> None:
        self.outcomes: list[str] = []
        self.codes: list[int] = []
        self.statuses: list[int] = []

    def connection(self, outcome: str) -> None:
        self.outcomes.append(outcome)

    def closed(self, code: int) -> None:
        self.codes.append(code)

    def send(self, status: int) -> None:
        self.statuses.append(status)


def build_site(
    heart: Any,
    clock: Any,
    limits: Limits | None = None,
    *,
    trusted: tuple[str, ...] = (),
    allowed_origins: tuple[str, ...] = ("*",),
    observer: Any = None,
    **site_options: Any,
) -> Site:
    """The whole web layer on `heart`, with whatever options a test is about."""
    limits = limits or Limits()
    addresses = Addresses(trusted)
    connections = Connections(
        clock=clock,
        heart=heart,
        limits=limits,
        addresses=addresses,
        allowed_origins=allowed_origins,
        observer=observer,
    )
    sends = Sends(clock, heart, limits, addresses, observer)
    return Site(clock=clock, limits=limits, connections=connections, sends=sends, **site_options)
