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

BAD_BYTES = {
    "a byte that begins nothing": b"\x80",
    "a byte that no text has": b"\xff",
    "a character that is cut short": b"\xe2\x82",
    "a character that another one cuts short": b"\xf0\x9f\xc3\xa9",
    "a slash in two bytes": b"\xc0\xaf",
    "a slash in three": b"\xe0\x80\xaf",
    "half of a surrogate pair": b"\xed\xa0\x80",
    "a whole surrogate pair": b"\xed\xa0\xbd\xed\xb8\x80",
    "beyond Unicode": b"\xf4\x90\x80\x80",
    "five bytes": b"\xf8\x88\x80\x80\x80",
    "six bytes": b"\xfc\x84\x80\x80\x80\x80",
}
NOT_UTF8 = [
    before + bad + behind
    for bad in BAD_BYTES.values()
    for before in (b"", "Γειά ".encode())
    for behind in (b"", b" x")
]
"""Texts that are not UTF-8, wrong at the beginning, in the middle and at the end."""
VIOLATIONS = [
    (b"\x81\x05hello", 1002),  # not masked
    (masked(b"x", opcode=3), 1002),  # no such opcode
    (masked(b"x", opcode=11), 1002),
    (b"\xc1" + masked(b"x")[1:], 1002),  # a bit of an extension that was not agreed on
    (masked(b"x", opcode=0), 1002),  # continues nothing
    (masked(b"x", fin=False) + masked(b"y"), 1002),  # begins another within one
    (masked(b"x", opcode=PING, fin=False), 1002),
    (b"\x89\xfe\x00\x7emask" + bytes(126), 1002),  # a ping of 126 bytes
    (b"\x81\xfe\x00\x05mask" + bytes(5), 1002),  # a length that could be shorter
    (b"\x81\xff" + (70).to_bytes(8, "big") + b"mask", 1002),
    (b"\x81\xff" + (2**64 - 1).to_bytes(8, "big") + b"mask", 1002),
    (masked(b"\x03", opcode=CLOSE), 1002),
    (masked((999).to_bytes(2, "big"), opcode=CLOSE), 1002),
    (masked(b"\x03\xe8\xff", opcode=CLOSE), 1007),
    (masked(b"caf\xe9"), 1007),
    (masked("é".encode()[:1], fin=False) + masked(b"", opcode=0), 1007),
    (masked(b"\xed\xa0\x80"), 1007),  # a surrogate
    (masked(b"x" * (16 * KIB + 1)), 1009),
    (masked(b"x" * 9000, fin=False) + masked(b"x" * 9000, opcode=0), 1009),
    (b"\x81\xff" + (2**31).to_bytes(8, "big") + b"mask", 1009),
    (b"\x81\xff" + (2**63 - 1).to_bytes(8, "big") + b"mask", 1009),
    *((masked(text), 1007) for text in NOT_UTF8),
]
"""What a peer may not send, and the code that it is told."""


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
