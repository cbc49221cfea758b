"""Whether enough replicas have what was stored.

A WAIT looks back to the last write of its own connection (measured on Valkey 9), and what is
repeated may have been stored by way of another one. So each comes after a write of its own, and
stands for all that was stored before. While one is under way the server answers nothing else on the
connection: there is one at a time, and what is stored meanwhile shares the next.
"""

import re
from typing import Any, Final, cast

from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.python.failure import Failure
from txredisapi import ConnectionError as ConnectionLost

from chip.queue.valkey.protocol import CommandProtocol, encode_command

WAIT_MS: Final = 500
"""How long replicas may take. A connection is given up for dead after six times as long."""

_MOVED: Final = re.compile("MOVED |ASK |TRYAGAIN ")
_DOWN: Final = "CLUSTERDOWN "
Verdict = bool | None
"""Whether enough replicas have it; None where the server that could tell is not there any more."""
_Asker = tuple[bytes, Deferred[Verdict]]


class Replicas:
    """The replicas behind one connection, `count` of which are needed."""

    def __init__(self, protocol: CommandProtocol, count: int) -> None:
        self._protocol = protocol
        self._count = count
        self._wait = encode_command(b"WAIT", b"%d" % count, b"%d" % WAIT_MS)
        self._under_way = False
        self._next: list[_Asker] = []

    def have_it(self, key: bytes) -> "Deferred[Verdict]":
        """Whether they have what was sent before this call. `key` is one that may be written for
        it."""
        answer: Deferred[Verdict] = Deferred()
        self._next.append((key, answer))
        if not self._under_way:
            self._ask()
        return answer

    def _ask(self) -> None:
        self._under_way = True
        key, _ = self._next[-1]
        write = encode_command(b"SET", key, b"1")
        asked = [self._protocol.request(write), self._protocol.request(self._wait)]
        both = gatherResults(asked, consumeErrors=True)
        asking, self._next = self._next, []
        both.addCallbacks(self._answered, self._failed, (asking,), errbackArgs=(asking, key))

    def _answered(self, answers: list[Any], asking: "list[_Asker]") -> None:
        self._under_way = False
        if self._next:
            self._ask()
        for _, one in asking:
            one.callback(answers[1] >= self._count)

    def _failed(self, failure: Failure, asking: "list[_Asker]", key: bytes) -> None:
        """The server takes no writes, or the connection is lost. Of a Cluster, it may be that it
        does not serve this key any more: then those who gave others ask again."""
        self._under_way = False
        waiting, self._next = [*asking, *self._next], []
        error = cast(FirstError, failure.value).subFailure.value
        moved = _MOVED.match(str(error)) is not None
        if moved:
            self._next = [one for one in waiting if one[0] != key]
            waiting = [one for one in waiting if one[0] == key]
        if self._next:
            self._ask()
        gone = moved or isinstance(error, ConnectionLost) or str(error).startswith(_DOWN)
        for _, one in waiting:
            one.callback(None if gone else False)
