"""One open WebSocket of a site in memory, on a clock that the test moves.

chat = Chat()
chat.wire.says(masked(b'{"type":"ping"}'))
chat.heard                         [b'{"type":"ping"}']
"""

from __future__ import annotations

from typing import Any

import msgspec
from twisted.internet.task import Clock

from chip.limits import Limits
from tests.support.web import CHAT, FakeChatServer, FakeSession, Wire, build_site, masked

PING, PONG, CLOSE = 9, 10, 8
KIB = 1024


class Chat:
    """One open connection: the peer's wire, the server's session, and time."""

    def __init__(self, **limits: Any) -> None:
        self.clock = Clock()
        self.server = FakeChatServer()
        self.site = build_site(
            self.server, self.clock, msgspec.structs.replace(Limits(), **limits), trusted=()
        )
        self.wire = Wire(self.site)
        assert self.wire.upgrades().status == 101
        self.session.chat = CHAT

    @property
    def session(self) -> FakeSession:
        return self.server.sessions[0]

    @property
    def heard(self) -> list[bytes]:
        return self.session.frames

    def passes(self, seconds: float) -> None:
        """Let time pass in small steps, as a reactor does."""
        for _ in range(round(seconds * 16)):
            self.clock.advance(1 / 16)

    def answers_pings(self, seconds: float) -> int:
        """Let time pass, with a peer that is there. Returns how often it was asked."""
        asked = 0
        for _ in range(round(seconds * 16)):
            self.clock.advance(1 / 16)
            for opcode, _payload in self.wire.frames():
                if opcode == PING:
                    asked += 1
                    self.wire.says(masked(opcode=PONG))
        return asked
