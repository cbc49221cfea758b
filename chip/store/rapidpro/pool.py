"""A pool of a few connections to PostgreSQL.

Owns which call gets which connection, how long a call may wait, and reconnecting after an outage.
Knows nothing of what the statements mean; how one is sent is in `chip.store.rapidpro.connection`.

- Connections are opened when they are needed, one after another, up to `MAX_CONNECTIONS`. Only
  opening is done in a thread, so a server or a name that hangs blocks one thread, and nobody waits
  for that one at the end.
- Calls that can wait (pages of history) run on a quarter of the connections at most, and have a
  queue of their own, so that the others never wait for many of them.
- A call takes `CALL_DEADLINE` seconds at most. A connection whose answer did not come by then is
  closed, and the idle ones with it: their server does not answer either.
- A call whose connection is lost runs once more on a new one. So every statement must be safe to
  run twice.
- After a connection was refused, and without another one, calls fail at once for
  `RECONNECT_PAUSE` seconds.
- A pooler that takes no startup options, or loses prepared statements, gets neither.
"""

from collections import deque
from functools import partial
from typing import Any, Final, cast

import psycopg
from psycopg.conninfo import make_conninfo
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from chip.errors import Unavailable
from chip.store.rapidpro.connection import (
    Call,
    PostgresConnection,
    QueryFailed,
    Reactor,
    Row,
    Statement,
)
from chip.store.rapidpro.url import OPTIONS, Parameters, connection_parameters
from chip.threads import run_in_thread
from chip.throttle import Outage

MAX_CONNECTIONS: Final = 8
"""Connections that are open at once, unless said otherwise."""
MAX_CALLS_WAITING: Final = 1000
"""Calls of either kind that may wait for a connection."""
CALL_DEADLINE: Final = 5.0
"""Seconds that a call may take, its wait for a connection included."""
RECONNECT_PAUSE: Final = 0.5
"""Seconds between a refused connection and the next attempt."""

# "Invalid statement name", "duplicate prepared statement": a pooler has changed the server's
# connection behind this one.
_NOT_PREPARED = frozenset({"26000", "42P05"})
_POOLER_REFUSES = "unsupported startup parameter"
_AWAY = "the database is away"


class PostgresPool:
    """A PostgreSQL database. Raises ConfigError when `url` is not one."""

    def __init__(
        self, url: str, reactor: Reactor, *, name: str = "chip", connections: int = MAX_CONNECTIONS
    ) -> None:
        self._parameters = {"application_name": name} | connection_parameters(url)
        self._reactor: Any = reactor
        self._size = connections
        self._options = True
        self._prepares = True
        self._connections: set[PostgresConnection] = set()
        self._idle: list[PostgresConnection] = []
        self._size_for_background = max(1, connections // 4)
        self._waiting: deque[Call] = deque()
        self._background: deque[Call] = deque()
        self._unanswered: set[Call] = set()
        self._connecting = False
        self._refused_at: float | None = None
        self._outage = Outage(
            Logger(), "the database is away: {reason}", "the database is back", reactor.seconds
        )
        self._all_answered: Deferred[None] | None = None
        self._open = False

    async def open(self) -> None:
        """Open the first connection. Raises Unavailable, whose text says why in one line."""
        try:
            session = await self._dial()
        except psycopg.Error as error:
            raise Unavailable(f"cannot use the database: {_reason(error)}") from None
        self._open = True
        self._adopt(session)

    async def close(self) -> None:
        """Take no more calls, wait for those in hand, and close every connection, one that is being
        opened as soon as it is there."""
        self._open = False
        if self._unanswered:
            self._all_answered = Deferred()
            await self._all_answered
        for connection in self._connections:
            connection.close()
        self._connections.clear()
        self._idle.clear()

    async def query(
        self, statement: Statement, *params: bytes | None, background: bool = False
    ) -> list[Row]:
        """The rows of a statement, which others overtake when it runs in the `background`. Raises
        QueryFailed when the server refuses it, and Unavailable when there is no answer."""
        if not self._open or (self._in_pause() and not self._connections):
            raise Unavailable(_AWAY)
        call = Call(statement, params, self._cancelled, background=background)
        queue = self._queue_of(call)
        if len(queue) >= MAX_CALLS_WAITING:
            if not background:  # so much history is no fault of the database
                self._outage.failed(f"{MAX_CALLS_WAITING} calls wait for it")
            raise Unavailable("the database is too busy", retry_after=1)
        call.deadline = self._reactor.callLater(CALL_DEADLINE, self._expired, call)
        self._unanswered.add(call)
        queue.append(call)
        self._serve()
        return await call.answer

    def renew(self) -> None:
        """Run no further call on a connection that is open now: its plans may not fit the tables
        any more."""
        self._drop_idle()
        for connection in self._connections:
            connection.stale = True

    # Calls.

    def _serve(self) -> None:
        while self._idle and (queue := self._next_queue()):
            # The one used last; the others stay idle until more calls come at once.
            self._idle.pop().run(queue.popleft())
        if not self._connecting and self._may_grow() and self._next_queue():
            self._grow()

    def _queue_of(self, call: Call) -> deque[Call]:
        return self._background if call.background else self._waiting

    def _next_queue(self) -> deque[Call]:
        """The queue whose first call may run now; an empty one where there is none."""
        if self._waiting or not self._background:
            return self._waiting
        running = sum(connection.is_background for connection in self._connections)
        return self._background if running < self._size_for_background else self._waiting

    def _settle(self, call: Call, outcome: list[Row] | Failure) -> None:
        if not call.answer.called:
            call.answer.callback(outcome)
        self._done(call)

    def _done(self, call: Call) -> None:
        self._unanswered.discard(call)
        if call.deadline and call.deadline.active():
            call.deadline.cancel()
        if self._all_answered and not self._unanswered:
            done, self._all_answered = self._all_answered, None
            done.callback(None)

    def _again(self, call: Call) -> None:
        """Run the call once more, before those that wait."""
        if call.retried:
            self._settle(call, Failure(Unavailable(_AWAY)))
            return
        call.retried = True
        call.connection = None
        self._queue_of(call).appendleft(call)
        self._serve()

    def _expired(self, call: Call) -> None:
        connection = call.connection
        if connection is None:
            self._queue_of(call).remove(call)
        else:
            connection.close()
            self._connections.discard(connection)
            self._drop_idle()
        self._outage.failed(f"no answer within {CALL_DEADLINE:.0f} s")
        self._settle(call, Failure(Unavailable("the database does not answer")))
        self._serve()

    def _cancelled(self, call: Call) -> None:
        """The caller has stopped waiting. A call that has been sent runs to its end."""
        if call in self._queue_of(call):
            self._queue_of(call).remove(call)
            self._done(call)

    # Connections.

    def answered(self, connection: PostgresConnection, call: Call, rows: list[Row]) -> None:
        """See `chip.store.rapidpro.connection.ConnectionOwner`."""
        self._outage.worked()
        self._free(connection)
        self._settle(call, rows)

    def failed(self, connection: PostgresConnection, call: Call, error: QueryFailed) -> None:
        """See `chip.store.rapidpro.connection.ConnectionOwner`."""
        self._free(connection)
        if error.sqlstate in _NOT_PREPARED:
            # Other calls may be under way with prepared statements: they fail after the first.
            if self._prepares:
                self._prepares = False
                self.renew()
            self._again(call)
        else:
            self._settle(call, Failure(error))

    def lost(self, connection: PostgresConnection, call: Call | None) -> None:
        """See `chip.store.rapidpro.connection.ConnectionOwner`."""
        self._connections.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        if call:
            self._drop_idle()
            self._again(call)
        self._serve()

    def _free(self, connection: PostgresConnection) -> None:
        if connection.stale:
            connection.close()
            self._connections.discard(connection)
        else:
            self._idle.append(connection)
        self._serve()

    def _drop_idle(self) -> None:
        for connection in self._idle:
            connection.close()
            self._connections.discard(connection)
        self._idle.clear()

    def _may_grow(self) -> bool:
        if not self._connections:
            return True
        return len(self._connections) < self._size and not self._in_pause()

    def _in_pause(self) -> bool:
        since = self._refused_at
        return since is not None and self._reactor.seconds() - since < RECONNECT_PAUSE

    def _dial(self) -> "Deferred[psycopg.Connection[Any]]":
        parameters = self._parameters if self._options else _without_options(self._parameters)
        dialled = run_in_thread(self._reactor, "chip-postgresql", partial(_connect, parameters))
        return dialled.addErrback(self._without_options)

    def _without_options(self, failure: Failure) -> "Deferred[psycopg.Connection[Any]]":
        failure.trap(psycopg.OperationalError)
        if not self._options or _POOLER_REFUSES not in str(failure.value):
            return failure  # type: ignore[return-value]
        self._options = self._prepares = False
        return self._dial()

    def _grow(self) -> None:
        def ended(outcome: Any) -> None:
            self._connecting = False
            if isinstance(outcome, Failure):
                self._refused(cast(Exception, outcome.value))
            else:
                self._adopt(outcome)

        self._connecting = True
        self._dial().addBoth(ended)

    def _adopt(self, session: "psycopg.Connection[Any]") -> None:
        if not self._open:
            session.close()
            return
        self._refused_at = None
        connection = PostgresConnection(session, self._reactor, self, prepares=self._prepares)
        self._connections.add(connection)
        self._free(connection)

    def _refused(self, error: Exception) -> None:
        self._outage.failed(_reason(error))
        self._refused_at = self._reactor.seconds()
        if not self._connections:
            # Only without connections: else the calls that wait get one of those.
            waiting = [*self._waiting, *self._background]
            self._waiting, self._background = deque(), deque()
            for call in waiting:
                self._settle(call, Failure(Unavailable(_AWAY)))


def _connect(parameters: Parameters) -> "psycopg.Connection[Any]":
    """Connect. It blocks, to resolve names and to wait for the server, so it runs in a thread."""
    return psycopg.connect(make_conninfo(**parameters))


def _without_options(parameters: Parameters) -> Parameters:
    return {name: value for name, value in parameters.items() if name != OPTIONS}


def _reason(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
