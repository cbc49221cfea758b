"""Whether RapidPro's database answers what it will be asked, and which channels are in it.

Each statement is planned by the server, not run: that takes the same tables, columns and rights.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from chip.app.check.findings import Finding, Grade, listed
from chip.config.schema import Config
from chip.models import Channel
from chip.store.external_form import Fault
from chip.store.rapidpro import statements
from chip.store.rapidpro.connection import QueryFailed, Statement
from chip.store.rapidpro.listing import JudgedChannel, judged_channels
from chip.store.rapidpro.pool import PostgresPool
from chip.store.rapidpro.shown import shown_by

_NO_RIGHT: Final = "42501"
_RIGHTS: Final = (
    "GRANT SELECT ON channels_channel, contacts_contact, contacts_contacturn, msgs_msg, users_user"
    " TO {user}; GRANT UPDATE (display) ON contacts_contacturn TO {user};"
    " GRANT UPDATE (modified_on) ON contacts_contact TO {user}"
)


async def ask_database(config: Config, reactor: Any, channels: list[Channel]) -> list[Finding]:
    """What is found; the active channels are put into `channels`."""
    database = PostgresPool(config.db, reactor, connections=1)
    await database.open()
    try:
        found = await _ask(database)
        return found + await _channels(database, config.external_uuids, channels)
    finally:
        await database.close()


async def _ask(database: PostgresPool) -> list[Finding]:
    ((version, user, is_standby, read_only),) = await database.query(statements.SERVER_STATE)
    name = user.decode()
    found = [*await _refusals(database, name)]
    if is_standby == b"true":
        trouble = "it is a standby, which is read-only: db must name the primary"
        found.append(Finding("FAILED", "database", trouble))
    elif read_only == b"on":
        trouble = f"it is read-only for {name}: visitors' e-mails cannot be stored"
        found.append(Finding("FAILED", "database", trouble))
    if not found:
        text = (
            f"PostgreSQL {version.decode()}, as {name}; RapidPro's tables are there, and readable"
        )
        found.append(Finding("ok", "database", text))
    return found


async def _refusals(database: PostgresPool, user: str) -> list[Finding]:
    """What the server has against any of the statements; one finding for each kind of remedy."""
    columns = await _trouble(database, statements.COLUMNS)
    rows = [] if columns[0] else await database.query(statements.COLUMNS)
    asked = [*statements.ALWAYS, statements.CHANNELS]
    if rows:
        names = {column.decode() for (column,) in rows}
        asked += shown_by(names)
    troubles = {columns, *[await _trouble(database, one) for one in asked]}
    refused = sorted(message for sqlstate, message in troubles if sqlstate == _NO_RIGHT)
    missing = sorted(message for sqlstate, message in troubles if sqlstate not in ("", _NO_RIGHT))
    found = []
    if refused:
        text = f"{listed(refused)}. {_RIGHTS.format(user=user)}"
        found.append(Finding("FAILED", "database", text))
    if missing:
        text = f"{listed(missing)}. Is this RapidPro's database, of a release from 10.2 on?"
        found.append(Finding("FAILED", "database", text))
    return found


async def _trouble(database: PostgresPool, statement: Statement) -> tuple[str, str]:
    """SQLSTATE and words of the server's refusal of a statement; empty where there is none."""
    try:
        await database.query(statement.explained(), *[None] * statement.parameters)
    except QueryFailed as error:
        return error.sqlstate, error.message
    return "", ""


async def _channels(
    database: PostgresPool, external_ids: Mapping[str, str], channels: list[Channel]
) -> list[Finding]:
    try:
        listed_ones = await judged_channels(database.query, external_ids)
    except QueryFailed:
        return []  # that was told already
    channels += [one.channel for one in listed_ones if one.channel]
    return [*_counted(listed_ones), *_faults(listed_ones), *_chosen(external_ids, channels)]


def _counted(channels: Sequence[JudgedChannel]) -> Iterator[Finding]:
    kinds = [channel.kind for channel in channels]
    names = {"CHP": "of type CHP", "External": "External"}
    counts = [f"{kinds.count(kind)} active {names[kind]}" for kind in names if kind in kinds]
    if counts:
        yield Finding("ok", "channels", ", ".join(counts))
    else:
        text = "none is active, so nobody can chat: `twistd chip channels add NAME` says how to"
        yield Finding("FAILED", "channels", f"{text} make one in RapidPro")


def _faults(channels: Sequence[JudgedChannel]) -> Iterator[Finding]:
    by_fault: dict[Fault, list[str]] = {}
    for channel in channels:
        for fault in channel.faults:
            by_fault.setdefault(fault, []).append(channel.label)
    for fault, labels in by_fault.items():
        verdict: Grade = "FAILED" if fault.is_fatal else "warning"
        yield Finding(verdict, "channels", f"{listed(labels)}: {fault.text}. {fault.remedy}")


def _chosen(external_ids: Mapping[str, str], channels: Sequence[Channel]) -> Iterator[Finding]:
    found = {channel.uuid for channel in channels if channel.external_uuid}
    for_none = [uuid for uuid in external_ids if uuid not in found]
    if for_none:
        text = f"for {listed(for_none)} it names none of the active External channels"
        yield Finding("warning", "external_ids", text)
