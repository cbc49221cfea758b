"""Which extensions of the protocol a server offers, found out by asking for each."""

import asyncio
from contextlib import suppress
from typing import Final
from uuid import uuid4

from chip_conformance.broken import Broken
from chip_conformance.promise import Extension
from chip_conformance.trial import Trial
from chip_conformance.visitor import Visitor

PART: Final = 0.2
"""Of the usual patience, for answers that a server without the extension never gives."""


_EVENTS: Final = {
    "pong": Extension.PING,
    "error": Extension.ERRORS,
    "msg_accepted": Extension.ACCEPTED,
    "msg_echo": Extension.ECHO,
}


async def offers(trial: Trial) -> frozenset[Extension]:
    """The extensions of the server. Raises Broken where it cannot be talked to at all."""
    target, found = trial.target, set()
    within = target.patience * PART
    if (await target.ask("GET", trial.place)).status == 426:
        found.add(Extension.REASONS)
    if (await target.ask("GET", f"/wc/availability/{target.channel.page}")).status == 200:
        found.add(Extension.AVAILABILITY)
    here = await trial.visitor()
    there = await trial.again(here.chat)
    await here.command("ping")
    await here.command("dance")
    await here.say(trial.words(), ref="r1")
    kinds = await asyncio.gather(
        _heard(here, {"pong", "error", "msg_accepted"}, within), _heard(there, {"msg_echo"}, within)
    )
    if target.knows_secret and await _takes_uuids(trial, there, within):
        found.add(Extension.UUIDS)
    return frozenset(found.union(*kinds))


async def _takes_uuids(trial: Trial, visitor: Visitor, within: float) -> bool:
    message = trial.target.channel.new(
        visitor.chat, trial.words("news"), id=None, uuid=str(uuid4())
    )
    if (await trial.post(message)).status != 200:
        return False
    with suppress(Broken):
        while (event := await visitor.next(within=within))["type"] != "chat_out":
            pass
        return bool(event["msg_out"].get("uuid") == message.uuid)
    return False


async def _heard(visitor: Visitor, kinds: set[str], within: float) -> set[Extension]:
    """The extensions of these events, as far as they come."""
    heard: set[str] = set()
    with suppress(Broken):
        while heard != kinds:
            event = await visitor.next(wanted="msg_echo", within=within)
            heard |= {event["type"]} & kinds
    return {_EVENTS[kind] for kind in heard}
