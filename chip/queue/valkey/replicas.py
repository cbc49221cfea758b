"""Whether enough replicas have what was stored.

A WAIT looks back to the last write of its own connection (measured on Valkey 9), and what is
repeated may have been stored by way of another one. So each comes after a write of its own, and
stands for all that was stored before. While one is under way the server answers nothing else on the
connection: there is one at a time, and what is stored meanwhile shares the next.
"""

import re
from typing import Any, Final, TypeAlias

from twisted.internet.defer import Deferred, DeferredList
from txredisapi import ConnectionError as ConnectionLost
from txredisapi import ResponseError

from chip.queue.valkey.protocol import CommandProtocol, encode_command

WAIT_MS: Final = 500
"""How long replicas may take. A connection is given up for dead after six times as long."""

# Without memory a server takes what needs none: an acknowledgement, say. So does this, from its
# second time on: a key that is there is only told anew when it ends.
_WRITE: Final = b"""
if redis.call('EXPIRE', KEYS[1], 86400) == 0 then
  redis.call('SET', KEYS[1], 1, 'EX', 86400)
end
return 1"""
# While a slot is on its way here the key may still be where that comes from. One that stayed here
# would be in its way, and MIGRATE refused.
_PASSING_WRITE: Final = b"""
redis.call('SET', KEYS[1], 1, 'EX', 86400)
return redis.call('DEL', KEYS[1])"""

_MOVED: Final = re.compile("MOVED |ASK |TRYAGAIN ")
_DOWN: Final = "CLUSTERDOWN "
Verdict: TypeAlias = bool | ResponseError | None
"""Whether enough replicas have it; or why the server takes no write that would show it; None where
the server that could tell is not there any more."""
_Asker = tuple[tuple[bytes, bytes], Deferred[Verdict]]


class Replicas:
    """The replicas behind one connection, `count` of which are needed."""

    def __init__(self, protocol: CommandProtocol, count: int) -> None:
        self._protocol = protocol
        self._count = count
        self._wait = encode_command(b"WAIT", b"%d" % count, b"%d" % WAIT_MS)
        self._under_way = False
        self._next: list[_Asker] = []

    def have_it(self, key: bytes, first: bytes = b"") -> "Deferred[Verdict]":
        """Whether they have what was sent before this call. `key` is one that may be written for
        it: after the encoded command `first`, if any, such that nothing of it stays."""
        answer: Deferred[Verdict] = Deferred()
        self._next.append(((first, key), answer))
        if not self._under_way:
            self._ask()
        return answer

    def _ask(self) -> None:
        self._under_way = True
        way, _ = self._next[-1]
        first, key = way
        write = encode_command(b"EVAL", _PASSING_WRITE if first else _WRITE, b"1", key)
        asked = self._protocol.requests([*([first] if first else []), write, self._wait])
        asking, self._next = self._next, []
        DeferredList(asked, consumeErrors=True).addCallback(self._answered, asking, way)

    def _answered(
        self, answers: list[Any], asking: "list[_Asker]", way: tuple[bytes, bytes]
    ) -> None:
        """Of a Cluster, it may be that it does not serve this key any more: then those who gave
        others ask again."""
        self._under_way = False
        error = next((answer.value for worked, answer in answers if not worked), None)
        gone = isinstance(error, ConnectionLost) or str(error).startswith(_DOWN)
        moved = _MOVED.match(str(error)) is not None
        if gone:
            asking, self._next = [*asking, *self._next], []
        if moved:
            self._next += [one for one in asking if one[0] != way]
            asking = [one for one in asking if one[0] == way]
        if self._next:
            self._ask()
        for _, one in asking:
            one.callback(None if gone or moved else error or answers[-1][1] >= self._count)
