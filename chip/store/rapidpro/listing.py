"""The channels in RapidPro's database, and whether each can work: for operators."""

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

import msgspec

from chip.logs.redact import REDACTOR
from chip.models import Channel
from chip.store.external_form import Fault, faults_of
from chip.store.rapidpro import shown, statements
from chip.store.rapidpro.channel_ids import Ask, external_channel
from chip.store.rapidpro.connection import Row

Kind = Literal["CHP", "External"]
BARE: Final = Fault(
    "there is no secret in its config, so nothing is taken from Courier",
    remedy="Set one in RapidPro",
)
MUTE: Final = Fault(
    "its role has no S, so that RapidPro sends nothing", remedy="Change it in RapidPro"
)
REPLACED: Final = Fault(
    "pages open the External channel that external_ids gives this id to",
    is_fatal=False,
    remedy="Remove this one in RapidPro once nothing waits for it",
)
SHOWN: Final = Fault(
    "external_ids gives its own UUID to pages, so that anybody can speak for its visitors",
    is_fatal=False,
    remedy="Give those pages another id",
)


class JudgedChannel(NamedTuple):
    """An active channel. `channel` is None for an External one that has no public id."""

    name: str
    kind: Kind
    channel: Channel | None
    faults: list[Fault]

    @property
    def works(self) -> bool:
        """Whether messages get through, as far as the database shows."""
        return not any(fault.is_fatal for fault in self.faults)

    @property
    def label(self) -> str:
        """What it is called: the id that pages have, or else its name."""
        return self.channel.uuid if self.channel else f"“{self.name}”"


async def judged_channels(ask: Ask, external_ids: Mapping[str, str]) -> list[JudgedChannel]:
    """The active channels of both kinds, oldest first. `ask` runs a statement, whose errors pass;
    `external_ids` maps public ids that were chosen to the channels that have them."""
    chosen = {external_uuid: uuid for uuid, external_uuid in external_ids.items()}
    columns = {column.decode() for (column,) in await ask(statements.COLUMNS)}
    knows_uuid = shown.is_newer(columns)
    found = [_judged(row, chosen, knows_uuid) for row in await ask(statements.CHANNELS)]
    taken = {one.label for one in found if one.kind == "External"}
    for one in found:
        if one.kind == "CHP" and one.label in taken:
            one.faults.append(REPLACED)
    return found


def _judged(row: Row, chosen: Mapping[str, str], knows_uuid: bool) -> JudgedChannel:
    type_, uuid, org, name, role, config = [column.decode() for column in row]
    name = name if name.isprintable() else ascii(name)
    settings = _object(config)
    faults = [] if "S" in role else [MUTE]
    if type_ == "EX":
        authorization = settings.get("send_authorization") or ""
        channel = external_channel(uuid, int(org), str(authorization), chosen)
        faults += [SHOWN] if uuid in chosen.values() else []
        faults += faults_of(uuid, settings, knows_uuid=knows_uuid)
        return JudgedChannel(name, "External", channel, faults)
    secret = str(settings.get("secret") or "")
    REDACTOR.learn(secret)
    faults += [] if secret else [BARE]
    return JudgedChannel(name, "CHP", Channel(uuid, int(org), secret), faults)


def _object(text: str) -> dict[str, Any]:
    value = msgspec.json.decode(text)
    return value if isinstance(value, dict) else {}
