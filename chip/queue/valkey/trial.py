"""Whether a Valkey would do what Chip asks of it, tried without leaving anything behind.

Owns which commands, keys and channels that takes. What is to be thought of the answers is
`chip.app.check.valkey`'s business.
"""

from collections.abc import Awaitable
from secrets import token_hex
from typing import Any, Final, NamedTuple

from chip.errors import Unavailable
from chip.limits import Limits
from chip.models import NOBODYS_CHAT
from chip.queue.valkey.address import ValkeyAddress
from chip.queue.valkey.connection import ValkeyConnection, connection_to_ask
from chip.queue.valkey.errors import FORBIDDEN, reason_of
from chip.queue.valkey.keys import Keys
from chip.queue.valkey.live import ValkeyLive
from chip.queue.valkey.protocol import CommandProtocol
from chip.queue.valkey.scripts import Scripts, ScriptTexts

_NOBODYS: Final = str(NOBODYS_CHAT).encode()


class Trial(NamedTuple):
    """How a Valkey did. `info` is what it says of itself, None where it may not be asked;
    `refused` says in words what it would not do."""

    address: str
    database: int
    info: dict[str, str] | None
    refused: list[str]


async def try_valkey(
    address: ValkeyAddress, reactor: Any, limits: Limits, *, replicas: int = 0
) -> list[Trial]:
    """Try everything once: also what it takes to ask for `replicas`, if there are to be any. Raises
    Unavailable when no connection comes about."""
    keys = Keys(address.database)
    connection = connection_to_ask("trial", address, reactor)
    live = ValkeyLive(
        address, reactor, connection, keys=keys, token=token_hex(8), back=lambda: None
    )
    listening = ("SUBSCRIBE", live.connection)
    texts = ScriptTexts(limits)
    return [await try_server(address, keys, texts, connection, listening, replicas=replicas)]


async def try_server(
    address: ValkeyAddress,
    keys: Keys,
    texts: ScriptTexts,
    connection: ValkeyConnection[CommandProtocol],
    listening: tuple[str, ValkeyConnection[Any]],
    *,
    replicas: int,
) -> Trial:
    """Try everything once by way of a connection for commands, and one that subscribes with this
    command when it is opened. Both are closed in the end."""
    subscribe, ears = listening
    names = [
        keys.check(token_hex(8).encode()),
        *keys.messages(_NOBODYS),
        *[make(_NOBODYS) for make in (keys.refs, keys.made, keys.email)],
    ]
    scripts = Scripts(connection, texts, keys.replicated)
    script = scripts.script("check", keys=len(names))

    async def load() -> list[str]:
        await connection.call(b"SCRIPT", b"LOAD", script.text.source)
        return []

    async def run() -> list[str]:
        answers = await script.run(names, [keys.live()])
        return _in_words([answer.decode() for answer in answers])

    async def listen() -> list[str]:
        await ears.open()
        return []

    async def wait() -> list[str]:
        if replicas:
            await connection.call(b"WAIT", b"0", b"1")
        return []

    await connection.open()
    try:
        refused = [
            *await _step("SCRIPT LOAD", load()),
            *await _step("EVALSHA with the keys chat:*", run()),
            *await _step(f"{subscribe} to the channels chat:*", listen()),
            *await _step("WAIT", wait()),
        ]
        return Trial(str(address), address.database, await _info(connection), refused)
    finally:
        await ears.close()
        await connection.close()


async def _step(name: str, work: Awaitable[list[str]]) -> list[str]:
    try:
        return await work
    except Unavailable as error:
        return [f"{name}: {error}"]


async def _info(connection: ValkeyConnection[CommandProtocol]) -> dict[str, str] | None:
    try:
        text = (await connection.call(b"INFO")).decode("utf-8", "replace")
    except Unavailable:
        return None
    pairs = (line.partition(":") for line in text.splitlines() if not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def _in_words(answers: list[str]) -> list[str]:
    """What a script was refused, each as the command's name and the server's words."""
    forbidden: list[str] = []
    troubles: dict[str, None] = {}
    for answer in answers:
        command, _, said = answer.partition(" ")
        reason = reason_of(said)
        if reason == FORBIDDEN:
            forbidden.append(command)
        else:
            troubles[f"Valkey {reason}" if reason else answer] = None
    if forbidden:
        troubles[f"this user may not run {', '.join(dict.fromkeys(forbidden))}"] = None
    return list(troubles)
