"""Whether enough replicas have what was stored.

A WAIT looks back to the last write of its own connection (measured on Valkey 9), and what is
repeated may have been stored by way of another one. So each comes after a write of its own, and
stands for all that was stored before. While one is under way the server answers nothing else on the
connection: there is one at a time, and what is stored meanwhile shares the next.
"""

from typing import Any, Final

from twisted.internet.defer import Deferred, gatherResults
from twisted.python.failure import Failure

from chip.queue.valkey.protocol import CommandProtocol, encode_command

WAIT_MS: Final = 500
"""How long replicas may take. A connection is given up for dead after six times as long."""


class Replicas:
    """The replicas behind one connection, `count` of which are needed."""

    def __init__(self, protocol: CommandProtocol, count: int) -> None:
        self._protocol = protocol
        self._count = count
        self._wait = encode_command(b"WAIT", b"%d" % count, b"%d" % WAIT_MS)
        self._key = b""
        self._under_way = False
        self._next: list[Deferred[bool]] = []

    def have_it(self, key: bytes) -> "Deferred[bool]":
        """Whether they have what was sent before this call; False when the connection is lost.
        `key` is one that may be written for it."""
        answer: Deferred[bool] = Deferred()
        self._next.append(answer)
        self._key = key
        if not self._under_way:
            self._ask()
        return answer

    def _ask(self) -> None:
        self._under_way = True
        write = encode_command(b"SET", self._key, b"1")
        asked = [self._protocol.request(write), self._protocol.request(self._wait)]
        both = gatherResults(asked, consumeErrors=True)
        asking, self._next = self._next, []
        both.addCallbacks(self._answered, self._failed, (asking,), errbackArgs=(asking,))

    def _answered(self, answers: list[Any], asking: "list[Deferred[bool]]") -> None:
        self._under_way = False
        if self._next:
            self._ask()
        for one in asking:
            one.callback(answers[1] >= self._count)

    def _failed(self, _: Failure, asking: "list[Deferred[bool]]") -> None:
        """The server takes no writes, or the connection is lost."""
        self._under_way = False
        waiting, self._next = self._next, []
        for one in [*asking, *waiting]:
            one.callback(False)
