"""Time-outs of HTTP connections, and which connection is dropped when too many are open.

A connection is waited for while its peer is the one who has to do something: to send a whole
request, to ask again, to take its answer. Such a connection may be dropped; one whose request is in
hand may not. So strangers who keep their requests unfinished cannot take the places of others:

- of more than `unfinished_per_address` requests of one address that have taken longer than `SOON`,
  the oldest is dropped;
- when all places are taken, the oldest connection of whoever has most of them makes way.
"""

from collections.abc import Callable
from typing import Final, Literal, Protocol

from chip.buckets import network_of
from chip.limits import Limits
from chip.tasks import Clock
from chip.web.http.deadlines import Deadlines
from chip.web.http.half_close import LINGER
from chip.web.http.memory import MemoryBudget

IDLE: Final = 120.0
"""Seconds that a connection may wait for its next request: longer than Courier's client, which
keeps its connections for 90 s and must never find one closed that it has just chosen."""
LAST_WORDS: Final = 1.0
"""Seconds that a connection on which nobody has asked yet may still ask in when Chip stops: its
request may be on the way, and Chip has accepted it."""
SOON: Final = 1.0
"""Seconds for a request before it counts as unfinished: many who come at once are no attack."""

Cut = Literal[
    "unfinished",
    "made_way",
    "no_place",
    "no_descriptors",
    "memory",
    "head_too_large",
    "bad_request",
]
"""Why a connection was ended, or not begun: too many unfinished requests from its address; all
places taken, and most of them by its like; all places taken by requests in hand; no file
descriptors left; too much memory held, and most of it by its like; a head beyond the limits; what
was sent is no HTTP."""


class Waited(Protocol):
    """A connection, as it is seen here. `address` is what limits count by, ``""`` when exempt."""

    address: str

    def abort(self) -> None:
        """Drop the connection."""

    def leave_if_silent(self) -> None:
        """Close, unless a request has begun."""


class ByOwner:
    """Connections by whose they are, which `whose` tells from their address; the oldest first."""

    def __init__(self, whose: Callable[[str], str] = str) -> None:
        self._whose = whose
        self._of: dict[str, dict[Waited, None]] = {}

    def __contains__(self, connection: Waited) -> bool:
        return connection in self._of.get(self._whose(connection.address), ())

    def add(self, connection: Waited) -> dict[Waited, None]:
        """Take one in. Returns all of the same, the oldest first."""
        same = self._of.setdefault(self._whose(connection.address), {})
        same[connection] = None
        return same

    def discard(self, connection: Waited) -> None:
        """Let one go, if it is here."""
        who = self._whose(connection.address)
        same = self._of.get(who, {})
        same.pop(connection, None)
        if not same:
            self._of.pop(who, None)

    def largest(self) -> dict[Waited, None]:
        """The connections of the owner with the most, the oldest first."""
        return max(self._of.values(), key=len, default={})


class _Wait(Deadlines[Waited]):
    """A deadline that tells of each connection that enters or leaves it."""

    def __init__(
        self,
        clock: Clock,
        seconds: float,
        changed: Callable[[Waited], object],
        expired: Callable[[Waited], object] | None = None,
    ) -> None:
        super().__init__(clock, seconds, expired or _abort)
        self._changed = changed

    def start(self, thing: Waited) -> None:
        super().start(thing)
        self._changed(thing)

    def stop(self, thing: Waited) -> bool:
        was_started = super().stop(thing)
        if was_started:
            self._changed(thing)
        return was_started


class ConnectionWaits:
    """What the connections of a server are waited for. `cut` drops one, and tells why."""

    def __init__(self, clock: Clock, limits: Limits, cut: Callable[[Waited, Cut], object]) -> None:
        self.head = _Wait(clock, limits.handshake_deadline, self._count)
        self.body = _Wait(clock, limits.post_deadline, self._count)
        self.idle = _Wait(clock, IDLE, self._count)
        self.taking = _Wait(clock, limits.write_stall, self._count)
        # A stop that cannot wait so long drops them: HttpServer.drain.
        self.closing = _Wait(clock, limits.write_stall, self._count)
        self.lingering = _Wait(clock, LINGER, self._count, _leave)
        self.last_words = Deadlines[Waited](clock, LAST_WORDS, _leave)
        self._soon = Deadlines[Waited](clock, SOON, self._is_late)
        self._late = ByOwner()
        # Of IPv6, by the network that has many addresses.
        self._waited_for = ByOwner(network_of)
        self._peers_turn = (
            *(self.head, self.body, self.idle),
            *(self.taking, self.closing, self.lingering),
        )
        self.memory = MemoryBudget[Waited](limits.unfinished_bytes, self._no_memory)
        self._most = limits.unfinished_per_address
        self._cut = cut

    def request_begins(self, connection: Waited) -> None:
        """A request is to come, or has begun."""
        self.head.start(connection)
        self._soon.start(connection)

    def request_is_whole(self, connection: Waited) -> None:
        """It is in hand: nothing is waited for."""
        for deadline in (self.head, self.body, self.idle, self._soon):
            deadline.stop(connection)
        self._late.discard(connection)
        self.memory.release(connection)

    def is_unfinished(self, connection: Waited) -> bool:
        """Whether a request has begun, or is to come, and is not whole."""
        return connection in self.head or connection in self.body

    def is_from(self, connection: Waited, address: str) -> None:
        """A proxy stands before this connection: it has told whose it is."""
        if connection.address == address:
            return
        groups = [group for group in (self._late, self._waited_for) if connection in group]
        for group in groups:
            group.discard(connection)
        connection.address = address
        for group in groups:
            group.add(connection)

    def next_to_make_way(self) -> Waited | None:
        """The oldest connection of whoever has most that are waited for."""
        return next(iter(self._waited_for.largest()), None)

    def forget(self, connection: Waited) -> None:
        """This connection is gone, or no HTTP any more."""
        self.request_is_whole(connection)
        for deadline in (self.taking, self.closing, self.lingering, self.last_words):
            deadline.stop(connection)

    def close(self) -> None:
        """Stop all timers."""
        for deadline in (*self._peers_turn, self.last_words, self._soon):
            deadline.close()

    def _count(self, connection: Waited) -> None:
        """Count this connection's place once, whatever it is waited for."""
        if any(connection in wait for wait in self._peers_turn):
            self._waited_for.add(connection)
        else:
            self._waited_for.discard(connection)

    def _no_memory(self, connection: Waited) -> None:
        self._cut(connection, "memory")

    def _is_late(self, connection: Waited) -> None:
        late = self._late.add(connection)
        if connection.address and len(late) > self._most:
            self._cut(next(iter(late)), "unfinished")


def _abort(connection: Waited) -> None:
    connection.abort()


def _leave(connection: Waited) -> None:
    connection.leave_if_silent()
