"""What Chip posts to an External channel, each request a form and one event.

    POST or GET /c/ex/{channel}/receive            from or sender, text, date or time
    POST or GET /c/ex/{channel}/sent|delivered|failed      id or uuid
    POST or GET /c/ex/{channel}/stopped            from
      -> 200 {"message": "Message Accepted", "data": [{"type": "msg", "msg_uuid", …}]}
      -> 200 {"message": "Ignored", "data": [{"type": "info", …}]}: nothing was stored
      -> 400 {"message": "Error", "data": [{"type": "error", "error": …}]}

There is no secret: whoever knows the channel's uuid may post. Owns Courier's words and habits with
such channels; among them that it takes what it cannot store, and stores it later.
"""

from __future__ import annotations

import datetime
import re
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg

from .answers import RefusedError, happened, said
from .channels import EXTERNAL
from .database import Backend, Channel, Named
from .forms import form_of
from .http import Request
from .receive import Asked
from .records import Json
from .releases import Settings
from .repeats import Repeats
from .spool import Spool
from .statuses import STATUSES, Statuses

_PATH_OF_URN = re.compile(r"[a-zA-Z0-9]{24}(:[^\s@:]+@[^\s@]+)?")
_RFC_3339 = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_MESSAGES = {
    "msg": "Message Accepted",
    "info": "Ignored",
    "status": "Status Update Accepted",
    "event": "Event Accepted",
}


class ExternalChannels:
    """Does what is asked of External channels."""

    kind = EXTERNAL
    away = 400
    methods = ("POST", "GET")
    actions = ("receive", "stopped", *STATUSES)
    served = True

    def __init__(
        self,
        backend: Backend,
        statuses: Statuses,
        repeats: Repeats,
        settings: Settings,
        spool: Spool,
    ) -> None:
        self._backend = backend
        self._statuses = statuses
        self._repeats = repeats
        self._settings = settings
        self._spool = spool

    def read(self, action: str, request: Request) -> Asked:
        """Return what a request asks, or what is wrong with it."""
        form: dict[str, str] = {}
        try:
            form = form_of(request)
            if action == "receive":
                chat = _visitor(form)
                event: Json = {"type": "msg_in", "msg": {"text": form.get("text", "")}}
                return Asked([event], chat, form=form)
            if action == "stopped":
                return Asked([{"type": "stopped"}], _stopper(form), form=form)
            status = {"status": action, **self._message(form)}
            return Asked([{"type": "msg_status", "status": status}], form=form)
        except RefusedError as refused:
            return Asked([], form=form, refusal=refused)

    async def chat_of(self, asked: Asked) -> str:
        """Return whom a request is about, as far as that can be known."""
        match asked.events:
            case [{"type": "msg_status", "status": about}]:
                try:
                    return await self._backend.chat_of(_named(0, about))
                except psycopg.Error:
                    return ""
        return asked.chat

    def admit(self, channel: Channel, asked: Asked) -> None:
        """Refuse what is wrong."""
        if asked.refusal:
            raise asked.refusal

    async def happen(self, channel: Channel, asked: Asked, event: Json) -> Json:
        """Do what is asked; return what the answer says of it."""
        match event:
            case {"type": "msg_in", "msg": {"text": str(text)}}:
                date = _date(asked.form)
                return await self._say(channel, asked.chat, text, date)
            case {"type": "stopped"}:
                await self._now_or_later(lambda: self._stop(channel, asked.chat))
                return happened(channel.uuid, asked.chat, "stop_contact")
        return await self._report(channel, event["status"])

    def message(self, results: list[Json]) -> str:
        """Return how an answer begins."""
        return _MESSAGES[results[0]["type"]]

    # What visitors say.

    async def _say(self, channel: Channel, chat: str, text: str, date: datetime.datetime) -> Json:
        address = self._repeats.find(channel.uuid, chat, text)
        if address is None:
            if await self._may_not_come(channel, chat):
                return {"type": "info", "info": "workspace has reached its contact limit"}
            address = str(uuid.uuid4())
            self._repeats.remember(channel.uuid, chat, text, address)
            created_on = datetime.datetime.now(datetime.UTC)
            columns = {"uuid": address, "sent_on": date, "created_on": created_on}
            await self._now_or_later(lambda: self._store(channel, chat, text, columns))
        received_on = date.isoformat().replace("+00:00", "Z")
        return said(channel.uuid, chat, address, text, received_on)

    async def _may_not_come(self, channel: Channel, chat: str) -> bool:
        return self._settings.full and not await self._backend.has_contact(channel, chat)

    async def _store(self, channel: Channel, chat: str, text: str, columns: dict[str, Any]) -> None:
        urn = await self._backend.urn(channel, chat)
        await self._backend.bind(channel, urn)
        await self._backend.incoming(channel, urn, text, **columns)

    async def _stop(self, channel: Channel, chat: str) -> None:
        await self._backend.stop(await self._backend.urn(channel, chat))

    # What became of messages.

    def _message(self, form: dict[str, str]) -> Json:
        """Return the message that a form names, as the events of the other kind do."""
        number, address = form.get("id", ""), form.get("uuid", "")
        era = self._settings.era
        if era == "id" and not number:
            raise RefusedError("field 'id' required")
        if era != "uuid" and re.fullmatch(r"\d{1,18}", number):
            return {"msg_id": int(number)}
        if era == "id":
            raise RefusedError('schema: error converting value for "id"')
        for candidate in (number, address):
            if _UUID.fullmatch(candidate):
                return {"msg_uuid": candidate}
        raise RefusedError(
            f"parsing failed: id '{number}' and uuid '{address}' are not valid UUIDs"
        )

    async def _report(self, channel: Channel, about: Json) -> Json:
        status = STATUSES[about["status"]]
        named = _named(channel.id, about)
        await self._now_or_later(lambda: self._statuses.report(named, status))
        said_of_it = {"type": "status", "channel_uuid": channel.uuid, "status": status}
        return said_of_it if named.id is None else said_of_it | {"msg_id": named.id}

    async def _now_or_later(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except psycopg.OperationalError:
            self._spool.put(work)


def _visitor(form: dict[str, str]) -> str:
    """Return who says something, if the form is right."""
    sender = form.get("from") or form.get("sender")
    if not sender:
        raise RefusedError("must have one of 'sender' or 'from' set")
    _date(form)
    return _path_of_urn(sender)


def _stopper(form: dict[str, str]) -> str:
    if not form.get("from"):
        raise RefusedError("field 'from' required")
    return _path_of_urn(form["from"])


def _path_of_urn(sender: str) -> str:
    if not _PATH_OF_URN.fullmatch(sender.strip()):
        raise RefusedError("invalid path component")
    return sender.strip()


def _date(form: dict[str, str]) -> datetime.datetime:
    """Return when something was said, now if the form does not tell."""
    written = form.get("date") or form.get("time")
    if not written:
        return datetime.datetime.now(datetime.UTC)
    matched = _RFC_3339.fullmatch(written)
    try:
        if matched is None:
            raise ValueError
        # Python knows no nanoseconds.
        return datetime.datetime.fromisoformat(f"{matched[1]}{(matched[2] or '')[:7]}{matched[3]}")
    except ValueError:
        raise RefusedError("invalid date format, must be RFC 3339") from None


def _named(channel: int, about: Json) -> Named:
    return Named(channel, about.get("msg_id"), about.get("msg_uuid"))
