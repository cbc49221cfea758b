"""The store on RapidPro's PostgreSQL (`ports.Store`, `ports.SentMessages`), for every release that
is supported.

Owns turning lookups into statements and rows into models, and noticing that RapidPro was upgraded
while Chip runs: the columns are read at the start, every ten minutes, and when a statement fails
because of a column, a type or an operator; that statement is then run once more. The SQL is in
`chip.store.rapidpro.statements`, the connections are in `chip.store.rapidpro.pool`.

Chip writes two things in RapidPro's database: the e-mail address of a chat, and the time of its
contact's last change.
"""

import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec
from twisted.logger import Logger

from chip.chat.ports import WiredMessage
from chip.errors import Unavailable
from chip.models import (
    UUID_FORM,
    Channel,
    Contact,
    HeardMessage,
    HistoryPage,
    MsgName,
    MsgOut,
    StoredMessage,
    User,
)
from chip.store.public_ids import keep_from_logs
from chip.store.rapidpro import statements
from chip.store.rapidpro.channel_ids import ExternalChannels
from chip.store.rapidpro.connection import QueryFailed, Reactor, Row, Statement
from chip.store.rapidpro.pool import MAX_CONNECTIONS, PostgresPool
from chip.store.rapidpro.shown import shown_by
from chip.tasks import Semaphore
from chip.throttle import LogThrottle

COLUMNS_FRESH_FOR: Final = 600.0
"""Seconds until the columns are read again though nothing has failed: a release that only adds a
column makes no statement fail."""
_LOOK_PAUSE = 1.0
"""Seconds in which the columns are read once, however many statements fail."""

_UUID = re.compile(UUID_FORM, re.ASCII | re.IGNORECASE)

# SQLSTATEs of a column, function, operator, table, type or plan that has changed.
_CHANGED = frozenset(
    {"42703", "42883", "42P01", "42804", "42846", "42725", "42P18", "22P02", "0A000"}
)
_SYNTAX_OR_ACCESS = "42"
_outgoing = msgspec.json.Decoder(MsgOut)
_json = msgspec.json.Encoder().encode


class RapidproStore:
    """RapidPro's database. Raises ConfigError when `url` is not PostgreSQL's.

    `storage_url` is what avatars' paths are appended to; `connections` is how many are opened at
    most, and `name` what the server calls them. `external_ids` maps public ids that were chosen to
    the External channels that have them. Every method raises Unavailable when the database does not
    answer within five seconds.
    """

    _log = Logger()

    def __init__(
        self,
        url: str,
        *,
        reactor: Reactor,
        storage_url: str,
        connections: int = MAX_CONNECTIONS,
        name: str = "chip",
        external_ids: Mapping[str, str] | None = None,
    ) -> None:
        self._database = PostgresPool(url, reactor, name=name, connections=connections)
        self._reactor = reactor
        self._storage_url = storage_url
        self._make_statements(())
        self._externals = ExternalChannels(self._ask, reactor.seconds, external_ids or {})
        self._looked_at = 0.0
        self._throttle = LogThrottle(reactor.seconds)
        self._looking = Semaphore()

    async def open(self) -> None:
        """Connect, and read which columns there are.

        Raises Unavailable, whose text says in one line what is wrong, without secrets.
        """
        await self._database.open()
        try:
            await self._look_at_columns()
        except QueryFailed as error:
            await self._database.close()
            raise Unavailable(f"this is not RapidPro's database: {error.message}") from None

    async def close(self) -> None:
        """Take no more calls, and close once those under way are answered."""
        await self._database.close()

    async def channel(self, uuid: str) -> Channel | None:
        """The active channel that pages call so: an External one by its public id, or one of type
        CHP. The id that was given to an External channel may be that of the CHP channel before."""
        if not _UUID.fullmatch(uuid):
            return None
        if self._externals.was_chosen(uuid):
            return await self._externals.by_public_id(uuid) or await self._chp_channel(uuid)
        return await self._chp_channel(uuid) or await self._externals.by_public_id(uuid)

    async def courier_channel(self, uuid: str, *, external: bool) -> Channel | None:
        """The active channel that Courier calls so."""
        if not _UUID.fullmatch(uuid):
            return None
        ask = self._externals.by_courier_uuid if external else self._chp_channel
        return await ask(uuid)

    async def _chp_channel(self, uuid: str) -> Channel | None:
        for org, secret in await self._ask(statements.CHANNEL, uuid):
            channel = Channel(uuid, int(org), secret.decode())
            keep_from_logs(channel)
            return channel
        return None

    async def contact(self, channel: Channel, chat_id: str) -> Contact | None:
        """The active contact of the channel's org that has this chat."""
        identity = f"{statements.SCHEME}{chat_id}"
        for row in await self._ask(statements.CONTACT, channel.org_id, identity):
            number, urn, email, last_confirmed = row
            return Contact(int(number), int(urn), chat_id, email.decode(), last_confirmed.decode())
        return None

    async def user(self, user_id: int) -> User | None:
        """The active user with this id."""
        if not 0 < user_id < statements.BIGINT:
            return None
        for number, email, name, avatar in await self._ask(statements.USER, user_id):
            picture = self._storage_url + avatar.decode() if avatar else ""
            return User(id=int(number), email=email.decode(), name=name.decode(), avatar=picture)
        return None

    async def message(self, contact: Contact, name: MsgName) -> StoredMessage | None:
        """The contact's outgoing message with this id, or with this uuid where there is no id."""
        by, known = _named(name)
        if known is None:
            return None
        asked = statements.MESSAGE[by]
        for number, uuid, time in await self._ask(asked, contact.id, known, contact.urn_id):
            return StoredMessage(int(number), uuid.decode(), time.decode())
        return None

    async def outgoing(self, contact: Contact, name: MsgName) -> MsgOut | None:
        """The contact's outgoing message of this name, as it is shown."""
        by, known = _named(name)
        if known is None:
            return None
        params = _params(contact.id, known, contact.urn_id, self._storage_url)
        rows = await self._twice(lambda: self._database.query(self._shown.outgoing(by), *params))
        return _outgoing.decode(rows[0][0]) if rows else None

    async def history(
        self, contact: Contact, before: datetime, max_bytes: int
    ) -> HistoryPage | None:
        """A page of this chat, newest first, not cut between equal times; None when the chat is not
        this contact's any more."""
        time = before.astimezone(UTC).isoformat()
        params = _params(contact.id, contact.urn_id, time, self._storage_url, max_bytes)
        [(messages, more)] = await self._ask_for_many(lambda: self._shown.history, params)
        return HistoryPage(messages, more == b"true") if messages else None

    async def wired(
        self, channel: Channel, chat_id: str, *, since: float, lost: float, max_bytes: int
    ) -> list[WiredMessage]:
        """What Courier has handed over of this chat and nobody has acknowledged, oldest first."""
        identity = f"{statements.SCHEME}{chat_id}"
        about = channel.org_id, identity, channel.courier_uuid
        params = _params(*about, f"{since}", f"{lost}", self._storage_url, max_bytes)
        rows = await self._ask_for_many(lambda: self._shown.wired, params)
        return [
            WiredMessage(MsgName(int(number), uuid.decode()), _as_sent(shown), int(age))
            for number, uuid, age, shown in rows
        ]

    async def set_email(self, contact: Contact, email: str, *, only_if_empty: bool = False) -> None:
        """Write the e-mail address to the contact's URN, and the time of the change to the contact,
        both or neither."""
        condition = "true" if only_if_empty else "false"
        await self._ask(statements.SET_EMAIL, contact.urn_id, email, condition)

    async def heard_since(
        self, contact: Contact, uuid: str, *, within: float
    ) -> list[HeardMessage]:
        """The incoming messages since that one, if it is there, oldest first."""
        since = uuid if _UUID.fullmatch(uuid) else None
        params = (contact.id, contact.urn_id, since, int(within))
        rows = await self._ask(statements.HEARD_SINCE, *params)
        return [HeardMessage(uuid.decode(), text.decode()) for uuid, text in rows]

    async def _ask_for_many(
        self, statement: Callable[[], Statement], params: tuple[bytes | None, ...]
    ) -> list[Row]:
        """The rows of what is asked of many at once, and what others overtake. The statement is
        made anew when the columns are."""

        async def ask() -> list[Row]:
            if self._reactor.seconds() - self._looked_at > COLUMNS_FRESH_FOR:
                await self._look_at_columns()
            return await self._database.query(statement(), *params, background=True)

        return await self._twice(ask)

    async def _ask(self, statement: Statement, *values: str | int | None) -> list[Row]:
        params = _params(*values)
        return await self._twice(lambda: self._database.query(statement, *params))

    async def _twice(self, ask: Callable[[], Awaitable[list[Row]]]) -> list[Row]:
        """What `ask` returns. When it fails as if the tables had changed, the columns are read
        again, and it is called once more."""
        try:
            return await ask()
        except QueryFailed as error:
            if error.sqlstate not in _CHANGED:
                raise self._unavailable(error) from None
        try:
            await self._look_again()
            return await ask()
        except QueryFailed as error:
            raise self._unavailable(error) from None

    async def _look_again(self) -> None:
        """Read the columns again, once for all statements that fail within `_LOOK_PAUSE`."""
        await self._looking.acquire()
        try:
            if self._reactor.seconds() - self._looked_at > _LOOK_PAUSE:
                self._log.info("RapidPro's tables have changed: looking at them again")
                self._database.renew()
                await self._look_at_columns()
        finally:
            self._looking.release()

    async def _look_at_columns(self) -> None:
        self._looked_at = self._reactor.seconds()
        rows = await self._database.query(statements.COLUMNS)
        self._make_statements({name.decode() for (name,) in rows})

    def _make_statements(self, columns: Collection[str]) -> None:
        self._shown = shown_by(columns)

    def _unavailable(self, error: QueryFailed) -> Unavailable:
        """What the caller gets. Only messages about names and types are logged: others may quote
        what a visitor has written."""
        is_slow = error.sqlstate == statements.TOO_SLOW
        about_names = is_slow or error.sqlstate.startswith(_SYNTAX_OR_ACCESS)
        reason = error.message if about_names else ""
        if times := self._throttle.times(f"{error.sqlstate} {reason}"):
            self._log.error(
                "the database refuses a statement: {sqlstate} {reason}{advice}",
                sqlstate=error.sqlstate,
                reason=reason,
                advice="" if is_slow or not reason else "; twistd chip --check names the remedy",
                times=times,
            )
        return Unavailable("the database is too slow" if is_slow else "the database refuses")


def _named(name: MsgName) -> tuple[Literal["id", "uuid"], str | int | None]:
    """By what a message is looked up; None where there cannot be such a message."""
    if name.id is None:
        return "uuid", name.uuid if _UUID.fullmatch(name.uuid) else None
    return "id", name.id if 0 < name.id < statements.BIGINT else None


def _as_sent(shown: bytes) -> bytes:
    """A message's JSON, as it is when Courier hands it over."""
    return _json(_outgoing.decode(shown))


def _params(*values: str | int | None) -> tuple[bytes | None, ...]:
    return tuple([None if value is None else str(value).encode() for value in values])
