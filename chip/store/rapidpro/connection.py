"""One connection to PostgreSQL, driven by the reactor: nothing in it blocks, and no thread waits.

Owns sending a statement and reading its answer through psycopg's wrapper of libpq, and noticing
at once when the server closes the connection, during a call or between two. One call at a time;
which call gets which connection is decided in `chip.store.rapidpro.pool`. Knows nothing of what the
statements mean.

    idle ──run──▶ preparing ──▶ running ──▶ idle        the pool hears `answered` or `failed`
      └──────────────┴─────────────┴──────▶ closed      the pool hears `lost`

It drives `psycopg.pq`, which is public, since what stands above that costs more and saves no code:

- psycopg's cursors need a thread for each call: four times the work for a lookup, and waiting for
  the interpreter's lock on top of it.
- Its asynchronous connection, made to wait by the reactor, takes 99 µs of CPU for a lookup instead
  of 57 and 124 for a page of history instead of 71 (least of 40 turns, in one process): 3 % of a
  "delivery" in `bench`. It names prepared statements as every pooler's other users do, and does not
  notice the end of a connection that nobody is using.
- Its generators, which are not documented, cost the same as this and only move the waiting.
"""

import hashlib
import os
import re
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import psycopg
from psycopg import pq
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReadWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

_PARAMETER = re.compile(rb"\$(\d+)")

Row = tuple[bytes, ...]
"""A row's columns as text. Statements are written so that none is NULL."""


class Timer(Protocol):
    """What `Reactor.callLater` returns."""

    def active(self) -> bool: ...

    def cancel(self) -> None: ...


class Reactor(Protocol):
    """What is needed of the reactor."""

    def seconds(self) -> float: ...

    def callLater(self, delay: float, callable: Callable[..., object], *args: object) -> Timer: ...

    def callFromThread(self, callable: Callable[..., object], *args: object) -> object: ...

    def addReader(self, reader: Any) -> None: ...

    def removeReader(self, reader: Any) -> None: ...

    def addWriter(self, writer: Any) -> None: ...

    def removeWriter(self, writer: Any) -> None: ...


class Statement(NamedTuple):
    """One SQL statement. Its name is a hash of its text, so that no prepared statement is mistaken
    for another, of whichever program shares the server's connection through a pooler."""

    name: bytes
    text: bytes

    @classmethod
    def of(cls, sql: str) -> "Statement":
        text = " ".join(sql.split()).encode()
        return cls(b"chip_" + hashlib.sha256(text).hexdigest()[:16].encode(), text)

    @property
    def parameters(self) -> int:
        """How many parameters it takes."""
        return max(map(int, _PARAMETER.findall(self.text)), default=0)

    def explained(self) -> "Statement":
        """The statement that has the server plan this one, and not run it."""
        return self.of(f"EXPLAIN {self.text.decode()}")


class QueryFailed(Exception):
    """The server refused a statement. `sqlstate` has five characters."""

    def __init__(self, sqlstate: str, message: str) -> None:
        super().__init__(sqlstate, message)
        self.sqlstate = sqlstate
        self.message = message


class Call:
    """A statement with its parameters, and the Deferred of its rows."""

    __slots__ = ("answer", "background", "connection", "deadline", "params", "retried", "statement")

    def __init__(
        self,
        statement: Statement,
        params: tuple[bytes | None, ...],
        cancelled: Callable[["Call"], None],
        *,
        background: bool,
    ) -> None:
        self.background = background
        self.statement = statement
        self.params = params
        self.answer: Deferred[list[Row]] = Deferred(lambda _: cancelled(self))
        self.connection: PostgresConnection | None = None
        self.deadline: Timer | None = None
        self.retried = False


class ConnectionOwner(Protocol):
    """The pool, as a connection calls it."""

    def answered(self, connection: "PostgresConnection", call: Call, rows: list[Row]) -> None:
        """The call is done, and the connection free."""

    def failed(self, connection: "PostgresConnection", call: Call, error: QueryFailed) -> None:
        """The server refused the call; the connection is free."""

    def lost(self, connection: "PostgresConnection", call: Call | None) -> None:
        """The connection is closed, maybe under a call."""


# SQLSTATEs after which another connection may work: this one's server stops, a pooler has lost its
# server, or the server is a standby that takes no writes.
_LOST = ("08", "57P", "25006")


@implementer(IReadWriteDescriptor)
class PostgresConnection:
    """An open connection. With `prepares`, statements are planned once for its lifetime."""

    def __init__(
        self,
        session: psycopg.Connection[Any],
        reactor: Reactor,
        owner: ConnectionOwner,
        *,
        prepares: bool,
    ) -> None:
        self.stale = False
        self._session = session
        self._pg = session.pgconn
        # libpq closes its socket as soon as it sees an error, and the next socket may get the same
        # number at once. The reactor must stop watching before that, so it watches a duplicate
        # that only this object closes.
        self._socket = os.dup(self._pg.socket)
        self._reactor = reactor
        self._owner = owner
        self._prepared: set[bytes] | None = set() if prepares else None
        self._call: Call | None = None
        self._result: pq.abc.PGresult | None = None
        self._open = True
        # From now on: a connection that is closed between two calls is noticed as well.
        reactor.addReader(self)

    @property
    def is_background(self) -> bool:
        """Whether a call that can wait is under way."""
        return self._call is not None and self._call.background

    def run(self, call: Call) -> None:
        """Send the call's statement. The connection must be idle."""
        call.connection = self
        self._call = call
        self._send(call)

    def close(self) -> Call | None:
        """Close without telling the owner; return the call that was under way."""
        call, self._call, self._result = self._call, None, None
        if self._open:
            self._reactor.removeReader(self)
            self._reactor.removeWriter(self)
            self._open = False
            os.close(self._socket)
            self._session.close()
        return call

    def _send(self, call: Call) -> None:
        name, text = call.statement
        try:
            if self._prepared is None:
                self._pg.send_query_params(text, call.params)
            elif name in self._prepared:
                self._pg.send_query_prepared(name, call.params)
            else:
                self._pg.send_prepare(name, text)
            if self._pg.flush():
                self._reactor.addWriter(self)
        except psycopg.OperationalError:
            self._lose()

    def _lose(self) -> None:
        call = self.close()
        self._owner.lost(self, call)

    def _receive(self) -> bool:
        """Read what has come; True once the answer is complete."""
        self._pg.consume_input()
        while self._call is not None and not self._pg.is_busy():
            result = self._pg.get_result()
            if result is None:
                return True
            self._result = result
        return False

    def _settle(self) -> None:
        result, call = self._result, self._call
        self._result = None
        if call is None or result is None or self._pg.status != pq.ConnStatus.OK:
            self._lose()
        elif result.status == pq.ExecStatus.FATAL_ERROR:
            self._settle_error(call, result)
        elif self._prepared is not None and call.statement.name not in self._prepared:
            self._prepared.add(call.statement.name)
            self._send(call)
        else:
            self._call = None
            self._owner.answered(self, call, _rows(result))

    def _settle_error(self, call: Call, result: pq.abc.PGresult) -> None:
        sqlstate = result.error_field(pq.DiagnosticField.SQLSTATE) or b"08006"
        message = result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or b""
        error = QueryFailed(sqlstate.decode(), message.decode(errors="replace"))
        if error.sqlstate.startswith(_LOST):
            self._lose()
            return
        self._call = None
        self._owner.failed(self, call, error)

    # What the reactor calls.

    def fileno(self) -> int:
        return self._socket if self._open else -1

    def doRead(self) -> None:
        try:
            if self._receive():
                self._settle()
        except psycopg.OperationalError:
            self._lose()

    def doWrite(self) -> None:
        try:
            if not self._pg.flush():
                self._reactor.removeWriter(self)
        except psycopg.OperationalError:
            self._lose()

    def connectionLost(self, reason: Failure) -> None:
        if self._open:
            self._lose()

    def logPrefix(self) -> str:
        return "postgres"


def _rows(result: pq.abc.PGresult) -> list[Row]:
    columns = range(result.nfields)
    value = result.get_value
    return [
        tuple([value(row, column) or b"" for column in columns]) for row in range(result.ntuples)
    ]
