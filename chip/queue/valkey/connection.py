"""One connection to Valkey that logs in, watches itself, and comes back for ever.

Owns connecting, time-outs and the wait between attempts. It does not know what is said.
"""

import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, Generic, TypeVar

from twisted.internet.base import DelayedCall
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from txredisapi import ConnectionError as ConnectionLost
from txredisapi import ResponseError

from chip.errors import Unavailable
from chip.queue.valkey.address import ValkeyAddress
from chip.queue.valkey.deadline import Deadline
from chip.queue.valkey.errors import (
    AWAY,
    LOST,
    TOO_FEW,
    UNSURE,
    AnswerLost,
    NotReplicated,
    is_stale,
    refused,
    why_not_connected,
)
from chip.queue.valkey.outages import Outages
from chip.queue.valkey.protocol import CommandProtocol, encode_command
from chip.queue.valkey.replicas import Replicas
from chip.queue.valkey.sentinel import is_replaced, locate

ANSWER_TIMEOUT: Final = 3.0
"""Seconds for an answer, after which the connection counts as dead."""
PREPARE_TIMEOUT: Final = 10.0
"""Seconds to make a new connection ready: by tens of thousands of subscriptions, perhaps."""
PING_INTERVAL: Final = 5.0
"""Seconds between two looks whether the peer is there: a dead one shows to nothing else."""
RETURN_WITHIN: Final = 1.0
"""Seconds after a loss for which requests wait for the connection to come back."""
FIRST_DELAY: Final = 0.1
LONGEST_DELAY: Final = 2.0
"""Seconds between two attempts to connect: doubling, with jitter."""

P = TypeVar("P", bound=CommandProtocol)


class ValkeyConnection(Generic[P]):
    """A connection whose protocol is a `P`.

    `replicas` is how many must have what is stored. `prepare` makes a new connection ready, after
    the login; when it fails, so does the attempt. `ready` is called each time the connection stands
    again, but not when it first does.
    """

    def __init__(
        self,
        purpose: str,
        address: ValkeyAddress,
        outages: Outages,
        reactor: Any,
        protocol: Callable[[], P],
        *,
        replicas: int = 0,
        prepare: Callable[[P], Awaitable[object]] | None = None,
        ready: Callable[[], None] = lambda: None,
        lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._purpose = purpose
        self.outages = outages
        self._address = address
        self._server = address
        self._needed = replicas
        self._replicas: Replicas | None = None
        self._reactor = reactor
        self._factory = Factory.forProtocol(protocol)
        self._factory.noisy = False
        self._prepare = prepare
        self._ready = ready
        self._lost = lost
        self._protocol: P | None = None
        self._lost_at = 0.0
        self._waiting: list[Deferred[None]] = []
        self._returning: Deferred[None] | None = None
        self._gone: Deferred[None] | None = None
        self._ping: DelayedCall | None = None
        self._closed = False

    @property
    def connected(self) -> bool:
        """Whether the connection is ready for use."""
        return self._protocol is not None

    async def open(self, *, persist: bool = False) -> None:
        """Connect for the first time. Raises Unavailable, with a line for the operator, and goes on
        trying if it is to `persist`."""
        try:
            await self._connect()
        except Exception as error:
            if persist:
                self.start()
            else:
                self._closed = True
            raise Unavailable(f"cannot use Valkey at {self._address}: {_reason(error)}") from None

    def start(self) -> None:
        """Connect however long it takes; `ready` is called then."""
        self._lost_at = self._reactor.seconds()
        self._returning = Deferred.fromCoroutine(self._return())

    async def close(self) -> None:
        """End the connection for good. Whoever waits for it is told so."""
        self._closed = True
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            waiter.errback(Unavailable(AWAY))
        if self._returning is not None:
            self._returning.cancel()
        if self._protocol is not None:
            self._gone = Deferred()
            self._protocol.transport.abortConnection()
            await self._gone

    async def protocol(self) -> P:
        """The connection's protocol. Raises Unavailable when there is none, nor soon."""
        if self._protocol is None:
            left = self._lost_at + RETURN_WITHIN - self._reactor.seconds()
            if self._closed or left <= 0:
                raise Unavailable(AWAY)
            waiter: Deferred[None] = Deferred()
            self._waiting.append(waiter)
            timer = self._reactor.callLater(left, self._give_up, waiter)
            try:
                await waiter
            finally:
                if timer.active():
                    timer.cancel()
            assert self._protocol is not None  # noqa: S101 - whoever fires the waiter has set it
        return self._protocol

    def _give_up(self, waiter: "Deferred[None]") -> None:
        self._waiting.remove(waiter)
        waiter.errback(Unavailable(AWAY))

    async def call(self, *command: bytes) -> Any:
        """The answer to a command. Raises Unavailable."""
        return await self.send(encode_command(*command))

    async def send(self, command: bytes, *, replicated: bytes = b"", first: bytes = b"") -> Any:
        """The answer to an encoded command: see `Commands.send`. `first` is one that goes before
        each that names a key."""
        protocol = await self.protocol()
        if first:  # what becomes of it shows in the answer to the command
            protocol.request(first).addErrback(lambda _: None)
        asked = protocol.request(command)
        kept = self._replicas.have_it(replicated, first) if self._replicas and replicated else None
        try:
            answer = await self._in_time(protocol, asked)
        except ConnectionLost:
            raise AnswerLost(LOST) from None
        except ResponseError as error:
            raise self.explain(error) from None
        match await kept if kept is not None else True:
            case None:
                raise AnswerLost(UNSURE)
            case False:
                self.outages.refused(TOO_FEW)
                raise NotReplicated
            case ResponseError() as error:
                raise AnswerLost(str(self.explain(error)))
        return answer

    def explain(self, error: ResponseError) -> Exception:
        """What a refusal means. Where another connection may do better, this one is ended."""
        meaning = refused(error)
        if isinstance(meaning, Unavailable):
            self.outages.refused(str(error))
        if is_stale(error) and self._protocol is not None:
            self._protocol.transport.abortConnection()
        return meaning

    async def _ask(self, protocol: P, command: bytes) -> Any:
        return await self._in_time(protocol, protocol.request(command))

    async def _in_time(self, protocol: P, answer: Awaitable[Any], seconds: float = 0) -> Any:
        seconds = seconds or ANSWER_TIMEOUT
        deadline = Deadline(self._reactor, seconds, protocol.transport.abortConnection)
        try:
            return await answer
        finally:
            deadline.met()

    async def _connect(self) -> None:
        server = await locate(self._address, self._reactor)
        protocol: P = await server.endpoint(self._reactor).connect(self._factory)
        try:
            await self._log_in(protocol)
            if self._prepare:
                await self._in_time(protocol, self._prepare(protocol), PREPARE_TIMEOUT)
            if self._needed:  # a user who may not ask is told so now
                await self._ask(protocol, encode_command(b"WAIT", b"0", b"1"))
        except BaseException as error:
            protocol.transport.abortConnection()
            if isinstance(error, CancelledError):
                raise
            raise _NotConnected(error, protocol.reason) from None
        protocol.lost = self._on_lost
        self._protocol = protocol
        self._server = server
        self._replicas = Replicas(protocol, self._needed) if self._needed else None
        self._watch(protocol)
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            waiter.callback(None)

    async def _log_in(self, protocol: P) -> None:
        address = self._address
        if address.login:
            await self._ask(protocol, encode_command(b"AUTH", *address.login))
        await self._ask(protocol, encode_command(b"SELECT", b"%d" % address.database))
        with suppress(ResponseError):  # a user who may not do that goes without
            await self._ask(protocol, encode_command(b"CLIENT", b"SETNAME", address.name.encode()))

    def _watch(self, protocol: P) -> None:
        """Look every few seconds whether the peer is there, for as long as this is the peer."""

        async def look() -> None:
            try:
                await self._in_time(protocol, protocol.ping())
                # One that is cut off from its Sentinels does not know that it was replaced.
                stays = not await is_replaced(self._server, self._address, self._reactor)
            except (ConnectionLost, ResponseError):
                stays = False
            if not stays:
                protocol.transport.abortConnection()
            self._watch(protocol)

        if self._protocol is protocol:
            self._ping = self._reactor.callLater(
                PING_INTERVAL, lambda: Deferred.fromCoroutine(look())
            )

    def _on_lost(self, why: Failure) -> None:
        self._protocol = None
        self._lost_at = self._reactor.seconds()
        if self._ping is not None and self._ping.active():
            self._ping.cancel()
        self._lost()
        if self._gone is not None:
            self._gone.callback(None)
        if not self._closed:
            self.outages.away.failed("the connection was lost", connection=self._purpose)
            self._returning = Deferred.fromCoroutine(self._return())

    async def _return(self) -> None:
        """Connect again, however long it takes."""
        delay = FIRST_DELAY
        while not self._closed:
            try:
                await deferLater(self._reactor, delay * random.uniform(0.5, 1))  # noqa: S311
                await self._connect()
            except (CancelledError, Exception) as error:
                if self._closed:
                    return
                delay = min(2 * delay, LONGEST_DELAY)
                self.outages.away.failed(_reason(error), connection=self._purpose)
            else:
                self._returning = None
                self._ready()
                return


class _NotConnected(Exception):
    """Why an attempt failed after the transport stood."""

    def __init__(self, error: BaseException, lost: Failure) -> None:
        super().__init__()
        self.error = error
        self.lost = lost


def _reason(error: Exception) -> str:
    if isinstance(error, _NotConnected):
        assert isinstance(error.error, Exception)  # noqa: S101
        return why_not_connected(error.error, error.lost)
    return why_not_connected(error, None)


def connection_to_ask(
    purpose: str, address: ValkeyAddress, reactor: Any
) -> ValkeyConnection[CommandProtocol]:
    """A connection for a few questions, whose answers are told to whoever asks, not to the log."""
    outages = Outages(reactor.seconds, quiet=True)
    return ValkeyConnection(purpose, address, outages, reactor, CommandProtocol)
