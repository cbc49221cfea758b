"""Lua scripts, and the calls that carry many entries at once.

Each script in ``lua/`` handles one entry. What arrives while a call is under way waits and goes
together in the next one, so that a busy server pays for a round trip once, not once a message. One
call at a time for each script also keeps the order, even when the server has forgotten the script
and has to be told it again.
"""

from collections.abc import Awaitable, Callable
from hashlib import sha1
from importlib.resources import files
from typing import Any, Final, NamedTuple

from twisted.internet.defer import Deferred, DeferredList
from txredisapi import ResponseError

from chip.chat.outbound.ports import ABANDONED, ALIVE, BATCH, REPORT_REST, claim_lasts
from chip.errors import Unavailable
from chip.limits import Limits
from chip.queue.valkey.commands import Commands
from chip.queue.valkey.errors import AnswerLost, ScriptMissing
from chip.queue.valkey.protocol import CommandProtocol, encode, encode_command
from chip.queue.valkey.replicas import WAIT_MS

ENTRIES_A_CALL: Final = 200
BYTES_A_CALL: Final = 1024 * 1024
"""Bounds of one call, so that no call keeps the server from others for long."""

_LOOK_AGAIN: Final = 5
_DAMAGED: Final = 100
_REFS: Final = 10_000
_IDLE_DAYS: Final = 30
_UNUSED_SECONDS: Final = 86_400


def constants(limits: Limits, parts: int, replicas: int) -> dict[str, int]:
    """What the scripts know by name. Names end in the unit where there is one. What holds for all
    chats together is divided among the parts that the keys are in, and no part is so small that one
    chat fills it."""
    hour, day = 3_600_000, 86_400_000
    one_chat = limits.spool_events if parts > 1 else 0
    return {
        "DUPLICATE_MS": round(limits.duplicate_memory_hours * hour),
        "OUTBOX_MESSAGES": limits.outbox_messages,
        "OUTBOX_BYTES": limits.outbox_bytes,
        "OUTBOX_MS": round(limits.outbox_days * day),
        # What waits is known to have been counted.
        "NUMBERS_SECONDS": round(max(_IDLE_DAYS, limits.outbox_days + 1) * 86_400),
        "UNUSED_NUMBERS_SECONDS": _UNUSED_SECONDS,
        "SPOOL_EVENTS": limits.spool_events,
        "SPOOL_TOTAL": -(-limits.spool_total // parts) + one_chat,
        "REF_MS": round((limits.spool_hours + limits.duplicate_memory_hours) * hour),
        "REFS": _REFS,
        "DAMAGED_ITEMS": _DAMAGED,
        "COURIER_SECONDS": round(max(_IDLE_DAYS, limits.spool_hours / 24 + 1) * 86_400),
        "BATCH": BATCH,
        "CLAIM_MS": round(claim_lasts(limits) * 1000),
        # Courier counts from the answer, which waits for replicas: behind another's wait, perhaps.
        "REST_MS": round(REPORT_REST * 1000) + (2 * WAIT_MS if replicas else 0),
        "ALIVE_MS": ALIVE * 1000,
        "LOOK_AGAIN_MS": _LOOK_AGAIN * 1000,
        "ABANDONED_MS": ABANDONED * 1000,
    }


def _lua(name: str) -> str:
    return files("chip.queue.valkey").joinpath("lua", f"{name}.lua").read_text()


class ScriptText(NamedTuple):
    """What a server is told once, and what it calls it then. `keys` is how many an entry has."""

    source: bytes
    digest: bytes
    keys: int


class ScriptTexts:
    """The texts of all scripts that are in use. `publish` is the command that reaches whoever
    listens, `parts` is how many the keys are divided into, and `replicas` how many are waited
    for."""

    def __init__(
        self, limits: Limits, *, publish: str = "PUBLISH", parts: int = 1, replicas: int = 0
    ) -> None:
        numbers = constants(limits, parts, replicas)
        self._constants = "".join(f"local {name} = {value}\n" for name, value in numbers.items())
        self._constants += f"local PUBLISH = '{publish}'\n"
        self._known: dict[str, ScriptText] = {}

    def text(self, name: str, *uses: str, keys: int) -> ScriptText:
        """The script ``lua/<name>.lua``, after those that it uses, with so many keys an entry."""
        if name not in self._known:
            parts = [
                self._constants,
                f"local PER_ENTRY = {keys}\n",
                *map(_lua, ("clock", *uses)),
                "local function entry(KEYS, ARGV)\n",
                _lua(name),
                "end\n",
                _lua("run"),
            ]
            source = "".join(parts).encode()
            digest = sha1(source, usedforsecurity=False).hexdigest().encode()
            self._known[name] = ScriptText(source, digest, keys)
        return self._known[name]

    async def load(self, protocol: CommandProtocol) -> None:
        """Tell a new connection's server all of them, which it may have forgotten."""
        load = [encode_command(b"SCRIPT", b"LOAD", text.source) for text in self._known.values()]
        for done, answer in await DeferredList(protocol.requests(load), consumeErrors=True):
            if not done:
                answer.raiseException()


class Scripts:
    """The scripts as they are run where `commands` go. `replicated` is the key that is written
    before it is asked whether replicas have what they stored.

    `absent`, in a Cluster, is a key that never exists. A node that gives a slot away runs a script
    as long as all keys are there that the script names. It ends it half-way when it comes to one
    that is gone by then: a list, say, whose last item the script has taken out. So scripts name
    a key that is not there, and are refused before they change anything.
    """

    def __init__(
        self, commands: Commands, texts: ScriptTexts, replicated: bytes, absent: bytes = b""
    ) -> None:
        self._commands = commands
        self._texts = texts
        self._replicated = replicated
        self._absent = absent

    def script(
        self,
        name: str,
        *uses: str,
        keys: int,
        stores: bool = True,
        before: Callable[[], Awaitable[object]] | None = None,
    ) -> "Script":
        """The script of this name: see `ScriptTexts.text`. What one that `stores` has stored is to
        be on the replicas, too. `before` is awaited before each call, which fails if it does."""
        text = self._texts.text(name, *uses, keys=keys)
        replicated = self._replicated if stores else b""
        # With a single key there is nothing that could be done by halves.
        absent = self._absent if stores and keys > 1 else b""
        return Script(self._commands, text, replicated, absent=absent, before=before)


class Script:
    """One script, and the entries that wait for its next call."""

    __slots__ = ("_absent", "_before", "_busy", "_commands", "_replicated", "_waiting", "text")

    def __init__(
        self,
        commands: Commands,
        text: ScriptText,
        replicated: bytes,
        *,
        absent: bytes = b"",
        before: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self._commands = commands
        self._replicated = replicated
        self._absent = [absent] if absent else []
        self._before = before
        self.text = text
        self._waiting: list[_Entry] = []
        self._busy = False

    def run(self, keys: list[bytes], arguments: list[bytes]) -> "Deferred[Any]":
        """The script's answer for one entry. Fails with Unavailable."""
        entry = _Entry(keys, arguments)
        self._waiting.append(entry)
        if not self._busy:
            self._busy = True
            Deferred.fromCoroutine(self._work())
        return entry.answer

    def call_of_one(self, keys: list[bytes], arguments: list[bytes]) -> bytes:
        """The call for one entry, for whoever sends it himself. It is answered by a list of one."""
        return self._command(b"EVALSHA", self.text.digest, [_Entry(keys, arguments)])

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._call(self._next())
        finally:
            self._busy = False

    def _next(self) -> "list[_Entry]":
        size = count = 0
        for entry in self._waiting[:ENTRIES_A_CALL]:
            size += len(entry.keys) + len(entry.arguments)
            if size > BYTES_A_CALL and count:
                break
            count += 1
        call, self._waiting = self._waiting[:count], self._waiting[count:]
        return call

    async def _call(self, entries: "list[_Entry]") -> None:
        try:
            if self._before is not None:
                await self._before()
            try:
                answers = await self._send(b"EVALSHA", self.text.digest, entries)
            except ScriptMissing:
                answers = await self._send(b"EVAL", self.text.source, entries)
        except Exception as error:
            for entry in entries:
                # An exception of each one's own: tracebacks grow on shared ones.
                kind = AnswerLost if isinstance(error, AnswerLost) else Unavailable
                entry.answer.errback(kind(str(error)))
            return
        for entry, answer in zip(entries, answers, strict=True):
            if isinstance(answer, ResponseError):
                entry.answer.errback(self._commands.explain(answer))
            else:
                entry.answer.callback(answer)

    async def _send(self, verb: bytes, script: bytes, entries: "list[_Entry]") -> Any:
        command = self._command(verb, script, entries)
        return await self._commands.send(command, replicated=self._replicated)

    def _command(self, verb: bytes, script: bytes, entries: "list[_Entry]") -> bytes:
        count = len(entries) * self.text.keys + len(self._absent)
        arguments = sum(entry.count for entry in entries)
        return b"".join(
            [
                b"*%d\r\n" % (3 + count + arguments),
                encode((verb, script, b"%d" % count)),
                *[entry.keys for entry in entries],
                encode(self._absent),
                *[entry.arguments for entry in entries],
            ]
        )


class _Entry:
    """One entry, encoded once."""

    __slots__ = ("answer", "arguments", "count", "keys")

    def __init__(self, keys: list[bytes], arguments: list[bytes]) -> None:
        self.keys = encode(keys)
        self.arguments = encode([b"%d" % len(arguments), *arguments])
        self.count = 1 + len(arguments)
        self.answer: Deferred[Any] = Deferred()
