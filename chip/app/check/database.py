"""Whether RapidPro's database answers what it will be asked, and which channels are in it.

Each statement is planned by the server, not run: that takes the same tables, columns and rights.
"""

from typing import Any, Final

from chip.app.check.findings import Finding, listed
from chip.config.schema import Config
from chip.models import Channel
from chip.store.rapidpro import shown, statements
from chip.store.rapidpro.connection import QueryFailed, Statement
from chip.store.rapidpro.pool import PostgresPool

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
        return await _ask(database, channels)
    finally:
        await database.close()


async def _ask(database: PostgresPool, channels: list[Channel]) -> list[Finding]:
    ((version, user, is_standby, read_only),) = await database.query(statements.SERVER)
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
    return found + await _channels(database, channels)


async def _refusals(database: PostgresPool, user: str) -> list[Finding]:
    """What the server has against any of the statements; one finding for each kind of remedy."""
    columns = await _trouble(database, statements.COLUMNS)
    rows = [] if columns[0] else await database.query(statements.COLUMNS)
    history = shown.history({column.decode() for (column,) in rows})
    troubles = {columns, *[await _trouble(database, one) for one in statements.ALWAYS]}
    troubles |= {await _trouble(database, history)} if rows else set()
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


async def _channels(database: PostgresPool, channels: list[Channel]) -> list[Finding]:
    try:
        rows = await database.query(statements.CHANNELS)
    except QueryFailed:
        return []  # that was told already
    channels += [Channel(uuid.decode(), int(org), secret.decode()) for uuid, org, secret in rows]
    found = []
    if channels:
        text = f"{len(channels)} active of type CHP"
        found.append(Finding("ok", "channels", text))
    else:
        text = "none of type CHP is active, so nobody can chat: make one in RapidPro"
        found.append(Finding("FAILED", "channels", text))
    bare = [channel.uuid for channel in channels if not channel.secret]
    if bare:
        text = f"no secret in the config of {listed(bare)}, so nothing is taken from Courier"
        found.append(Finding("FAILED", "channels", f"{text}: set one in RapidPro"))
    return found
