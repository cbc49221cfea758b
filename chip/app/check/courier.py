"""Whether Courier takes each channel, asked in the way in which it is told what visitors say.

A request without events has no effect; Courier looks at the route, the channel and the secret.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from twisted.internet.defer import Deferred, gatherResults

from chip.app.backend import make_gateway
from chip.app.check.findings import PART_DEADLINE, Finding, listed
from chip.chat.outbound.ports import CourierAnswer
from chip.config.schema import Config
from chip.gateway.courier import CourierGateway
from chip.models import NOBODYS_CHAT, Channel
from chip.tasks import Clock

ANSWER_WITHIN: Final = 5.0
"""Seconds that Courier has for an answer here; it needs milliseconds."""
CHANNELS_ASKED_AT_ONCE: Final = 8
"""Channels that are asked about at once."""
ASK_FOR: Final = PART_DEADLINE - ANSWER_WITHIN - 1
"""Seconds for which questions are asked: the answers to the last ones are still in time."""

NOBODYS: Final = {
    "CHP": Channel(NOBODYS_CHAT.channel_uuid, 0, "none"),
    "EX": Channel(NOBODYS_CHAT.channel_uuid, 0, "none", NOBODYS_CHAT.channel_uuid),
}
"""A channel of each type that there is not: a Courier that says so knows channels of the type."""


async def ask_courier(config: Config, reactor: Any, channels: Sequence[Channel]) -> list[Finding]:
    """What is found. Without `channels`, whether Courier is there."""
    until = reactor.seconds() + ASK_FOR
    gateway = make_gateway(config, reactor, config.domain, timeout=ANSWER_WITHIN)
    asked = [channel for channel in channels if channel.secret]
    try:
        first = await gateway.probe(asked[0] if asked else NOBODYS["CHP"])
        if first.kind not in ("handled", "channel_refused"):
            text = f"{gateway.base}: {first.detail}. Is domain right, and ssl?"
            return [Finding("FAILED", "Courier", text)]
        if not asked:
            answers = {"CHP": first, "EX": await gateway.probe(NOBODYS["EX"])}
            return [_without_channels(gateway.base, answers)]
        told = [first, *await ask_each(gateway, asked[1:], reactor, until)]
    finally:
        await gateway.close()
    external = [channel.uuid for channel in asked if channel.external_uuid]
    return [
        *_judge(gateway.base, asked, told),
        *not_asked(asked, told),
        *lock_advice(external),
    ]


async def ask_each(
    gateway: CourierGateway, channels: Sequence[Channel], clock: Clock, until: float
) -> list[CourierAnswer]:
    """The answers about the channels, in their order: about as many as there is time to ask."""
    told: list[CourierAnswer] = []
    while len(told) < len(channels) and clock.seconds() < until:
        some = channels[len(told) : len(told) + CHANNELS_ASKED_AT_ONCE]
        told += await gatherResults([Deferred.fromCoroutine(gateway.probe(one)) for one in some])
    return told


def not_asked(channels: Sequence[object], told: Sequence[CourierAnswer]) -> list[Finding]:
    """Those about which there was no time to ask."""
    left = len(channels) - len(told)
    text = f"there was no time to ask about {left} more of {len(channels)} channels"
    return [Finding("warning", "Courier", text)] if left else []


def _without_channels(base: str, answers: Mapping[str, CourierAnswer]) -> Finding:
    known = [type_ for type_, answer in answers.items() if answer.detail == "channel not found"]
    if known:
        text = f"{base} is there, and knows channels of type {' and '.join(known)}"
        return Finding("ok", "Courier", text)
    return Finding("FAILED", "Courier", f"{base}: {answers['CHP'].detail}")


def lock_advice(names: Sequence[str]) -> list[Finding]:
    """What cannot be asked: whether others reach Courier with the UUIDs of these channels, which
    are called by their public ids or names."""
    if not names:
        return []
    text = (
        "whoever knows an External channel's own UUID can speak for its visitors, so let the proxy"
        f" before Courier pass /c/ex/UUID/ from Chip alone (see docs/rapidpro.md): {listed(names)}"
    )
    return [Finding("ok", "Courier", text)]


def _judge(
    base: str, channels: Sequence[Channel], answers: Sequence[CourierAnswer]
) -> list[Finding]:
    by_answer: dict[str, list[str]] = {}
    taken: list[str] = []
    for channel, answer in zip(channels, answers, strict=False):
        if answer.kind == "handled":
            taken.append(channel.uuid)
        else:
            by_answer.setdefault(answer.detail, []).append(channel.uuid)
    found = [
        Finding("FAILED", "Courier", f"{base} refuses {_channels(uuids)}: {detail}")
        for detail, uuids in by_answer.items()
    ]
    if taken:
        found.append(Finding("ok", "Courier", f"{base} takes {_channels(taken)}"))
    return found


def _channels(uuids: Sequence[str]) -> str:
    # An External channel may have the id of one of type CHP.
    names = list(dict.fromkeys(uuids))
    return f"the channel{'s' if len(names) > 1 else ''} {listed(names)}"
