"""Whether something that lay in Valkey was lost: the mark, as one process knows it.

What the mark is, and who makes a new one when, is told in ``lua/mark.lua`` and ``mark_check.lua``.
"""

from collections.abc import Callable

from txredisapi import ResponseError

from chip.queue.valkey.commands import Commands
from chip.queue.valkey.keys import Keys
from chip.queue.valkey.protocol import CommandProtocol, encode_command
from chip.queue.valkey.scripts import Script, ScriptTexts


class Mark:
    """The mark that lies beside a part of the keys."""

    def __init__(
        self, commands: Commands, keys: Keys, texts: ScriptTexts, seconds: Callable[[], float]
    ) -> None:
        self._key = keys.mark
        self._text = texts.text("mark_check", "mark", keys=1)
        self._script = Script(commands, self._text, b"")
        self._seconds = seconds
        self._known = b""
        self._lost_at = 0.0

    def disconnected(self) -> None:
        """From now on this process can store nothing, until it is connected again."""
        self._lost_at = self._seconds()

    async def connected(self, protocol: CommandProtocol) -> None:
        """Look, on a new connection, before anything else is asked there: whoever asks may be told
        that the outboxes may lack something."""
        call = b"EVALSHA", self._text.digest, b"1", self._key
        try:
            [found] = await protocol.request(encode_command(*call, b"2", *self._arguments()))
        except ResponseError:  # it is another node's by now, or the server refuses everything
            return
        # A server that refuses the mark refuses what is to be stored, too.
        self._known = found if isinstance(found, bytes) else self._known

    async def was_lost(self) -> bool:
        """Whether something was lost since this was asked last. Raises Unavailable."""
        found: bytes = await self._script.run([self._key], self._arguments())
        known, self._known = self._known, found
        return found != known

    def _arguments(self) -> list[bytes]:
        return [self._known, b"%d" % ((self._seconds() - self._lost_at) * 1000)]
