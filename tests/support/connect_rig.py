"""A site in memory, and requests for its visitors' socket, good and bad."""

from __future__ import annotations

from typing import Any

import msgspec
from twisted.internet.task import Clock

from chip.limits import Limits
from tests.support.web import (
    CHANNEL,
    UPGRADE,
    Answer,
    Counts,
    FakeChatServer,
    Wire,
    build_site,
    request,
)


class ConnectRig:
    """A site with a clock, a server that remembers and an observer that counts."""

    def __init__(self, limits: dict[str, Any] | None = None, **options: Any) -> None:
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.server = FakeChatServer(starts=False)
        self.counts = Counts()
        self.site = build_site(
            self.server,
            self.clock,
            msgspec.structs.replace(Limits(), **(limits or {})),
            observer=self.counts,
            **options,
        )

    def asked(self, channel: str = CHANNEL, method: str = "GET", **headers: str | None) -> Answer:
        """The answer to a request for the socket on a connection of its own."""
        wire = Wire(self.site)
        wire.says(request(f"/wc/connect/{channel}", method, **headers))
        return wire.answer()

    def upgraded(self, address: Any = None, **headers: str | None) -> Wire:
        """A connection that has asked for a WebSocket."""
        wire = Wire(self.site, address)
        wire.says(request(f"/wc/connect/{CHANNEL}", **{**UPGRADE, **headers}))
        return wire

    def passes(self, seconds: float) -> None:
        for _ in range(round(seconds * 16)):
            self.clock.advance(1 / 16)
