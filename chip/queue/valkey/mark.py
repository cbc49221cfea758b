"""Whether something that lay in Valkey was lost: the mark, as one process knows it.

What the mark is, and who makes a new one when, is told in ``lua/mark.lua`` and ``mark_check.lua``.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, cast

from twisted.internet.defer import Deferred, DeferredList
from twisted.python.failure import Failure
from txredisapi import ResponseError

from chip.queue.valkey.commands import Commands
from chip.queue.valkey.keys import Keys
from chip.queue.valkey.protocol import CommandProtocol, encode_command
from chip.queue.valkey.scripts import Script, ScriptTexts


class Mark:
    """The mark that lies beside a part of the keys. `on_loss` is called when something was lost
    that nobody asked for: after a loss of the connection, all is read again anyway.

    Until it was looked at where the keys lie now, it is *in doubt*. Nothing is numbered then, since
    that number may have been given out before. A server that refuses the mark may take what is to
    be stored a moment later: so does a node of a Cluster for two seconds after its start, and a
    primary until it has enough replicas.
    """

    def __init__(
        self, commands: Commands, keys: Keys, texts: ScriptTexts, seconds: Callable[[], float]
    ) -> None:
        self._key = keys.mark
        self._text = texts.text("mark_check", "mark", keys=1)
        self._script = Script(commands, self._text, b"")
        self._seconds = seconds
        self.on_loss: Callable[[], None] = lambda: None
        self._known = b""
        self._lost_at = 0.0
        # The newest reason for doubt: what was asked before does not end it.
        self._doubt: object | None = object()

    @property
    def in_doubt(self) -> bool:
        """Whether it is to be looked at."""
        return self._doubt is not None

    def disconnected(self) -> None:
        """From now on this process can store nothing, until it is connected again."""
        self._lost_at = self._seconds()
        self.doubted()

    def doubted(self) -> None:
        """The keys may lie on another server from now on."""
        self._doubt = object()

    async def connected(self, protocol: CommandProtocol) -> None:
        """Look, on a new connection, before anything else is asked there: whoever asks may be told
        that the outboxes may lack something."""
        doubt = self._doubt
        call = b"EVALSHA", self._text.digest, b"1", self._key
        with suppress(ResponseError):  # it is another node's by now, or refused: it stays in doubt
            [found] = await protocol.request(encode_command(*call, b"2", *self._arguments()))
            if isinstance(found, bytes):
                self._is(found, doubt)

    async def be_sure(self) -> None:
        """Return once it is in doubt no more. Raises Unavailable."""
        if self.in_doubt:
            await self.check()

    async def check(self) -> bool:
        """Look whether something was lost. Raises Unavailable."""
        doubt = self._doubt
        found: bytes = await self._script.run([self._key], self._arguments())
        is_lost = self._is(found, doubt)
        if is_lost:
            self.on_loss()
        return is_lost

    def _is(self, found: bytes, doubt: object | None) -> bool:
        """This was found, and what was doubted when it was asked for is so no more."""
        known, self._known = self._known, found
        if self._doubt is doubt:
            self._doubt = None
        return found != known

    def _arguments(self) -> list[bytes]:
        return [self._known, b"%d" % ((self._seconds() - self._lost_at) * 1000)]


async def look_at(marks: Iterable[Mark], protocol: CommandProtocol) -> None:
    """`Mark.connected` of all of them, together. Raises what any of them does."""
    looks: list[Deferred[Any]] = [
        Deferred.fromCoroutine(mark.connected(protocol)) for mark in marks
    ]
    for done, trouble in await DeferredList(looks, consumeErrors=True):
        if not done:
            cast(Failure, trouble).raiseException()
