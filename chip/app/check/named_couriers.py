"""Whether the Couriers that channels name take these channels: those without RapidPro's database.

A form without fields is posted, which has no effect; Courier looks at the route and the channel.
"""

from pathlib import Path
from typing import Any

from chip.app.backend import make_gateway
from chip.app.channels.alone import HOW_TO_CONNECT, is_local
from chip.app.check.courier import ANSWER_WITHIN, ASK_FOR, ask_each, lock_advice, not_asked
from chip.app.check.findings import Finding
from chip.chat.outbound.ports import CourierAnswer
from chip.config.schema import Config
from chip.store.sqlite_listing import NamedChannel, external_channels


async def ask_named_couriers(config: Config, reactor: Any) -> list[Finding]:
    """What is found; nothing where there are no such channels. Raises ConfigError."""
    known = external_channels(Path(config.data_dir))
    asked = [one for one in known if one.is_connected]
    gateway = make_gateway(config, reactor, config.domain, timeout=ANSWER_WITHIN)
    until = reactor.seconds() + ASK_FOR
    try:
        answers = await ask_each(gateway, [one.channel for one in asked], reactor, until)
    finally:
        await gateway.close()
    return [
        *map(judge, asked, answers),
        *not_asked(asked, answers),
        *(_waiting(one) for one in known if not one.is_connected),
        *lock_advice([one.name for one in asked]),
    ]


def judge(one: NamedChannel, answer: CourierAnswer) -> Finding:
    courier = one.channel.courier
    if answer.kind == "handled" and courier.startswith("http:") and not is_local(courier):
        text = (
            f"{courier} takes {one.name}, without TLS: whoever listens can speak for its visitors"
        )
        return Finding("warning", "Courier", text)
    if answer.kind == "handled":
        return Finding("ok", "Courier", f"{courier} takes {one.name}")
    if answer.kind == "channel_refused":
        remedy = {
            "channel not found": "Is it active in RapidPro? Is this the Courier of that RapidPro?",
            "channel type wrong": "Its channel in RapidPro is no External API one.",
        }.get(answer.detail, "Is this a Courier?")
        text = f"{courier} refuses {one.name}: {answer.detail}. {remedy}"
        return Finding("FAILED", "Courier", text)
    text = f"{courier}, which has {one.name}: {answer.detail}. Is the address right?"
    return Finding("FAILED", "Courier", text)


def _waiting(one: NamedChannel) -> Finding:
    return Finding("warning", "Courier", f"{one.name} {HOW_TO_CONNECT}")
