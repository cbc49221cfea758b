"""What Chip posts to a webchat channel, the kind that Courier had until 26.3.17.

POST /c/chp/{channel}/receive
{"chat_id", "secret", "events": [chat_started | msg_in | msg_status, …]}
  -> 200 {"message": "Events Handled", "data": [one entry for each event]}
  -> 4xx {"message": "Error", "data": [{"type": "error", "error": …}]}
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from .answers import RefusedError, happened, now, said
from .channels import CHP
from .database import Backend, Channel, Named
from .http import Request
from .receive import Asked
from .records import Json
from .releases import Settings
from .repeats import Repeats
from .statuses import STATUSES, Statuses

_ERAS = {"id": "msg_id", "uuid": "msg_uuid"}


class _Payload(msgspec.Struct):
    chat_id: str
    secret: str
    events: list[dict[str, Any]]


class ChpChannels:
    """Does what is asked of webchat channels."""

    kind = CHP
    away = 500
    methods = ("POST",)
    actions = ("receive",)

    def __init__(
        self, backend: Backend, statuses: Statuses, repeats: Repeats, settings: Settings
    ) -> None:
        self._backend = backend
        self._statuses = statuses
        self._repeats = repeats
        self._settings = settings
        self._decoder = msgspec.json.Decoder(_Payload)

    @property
    def served(self) -> bool:
        """Tell whether this Courier still has such channels."""
        return self._settings.release().has_chp

    def read(self, action: str, request: Request) -> Asked:
        """Return what a request asks. Raises RefusedError."""
        try:
            payload = self._decoder.decode(request.body)
        except msgspec.DecodeError as error:
            raise RefusedError(f"unable to parse request JSON: {error}") from None
        return Asked(payload.events, payload.chat_id, secret=payload.secret)

    async def chat_of(self, asked: Asked) -> str:
        """Return whom a request is about."""
        return asked.chat

    def admit(self, channel: Channel, asked: Asked) -> None:
        """Refuse who does not know the secret."""
        if channel.secret is None or channel.secret != asked.secret:
            raise RefusedError("secret incorrect")

    async def happen(self, channel: Channel, asked: Asked, event: Json) -> Json:
        """Do one of the events; return what the answer says of it."""
        match event:
            case {"type": "chat_started"}:
                return await self._chat_started(channel, asked.chat)
            case {"type": "msg_in", "msg": {"text": str(text)}}:
                return await self._msg_in(channel, asked.chat, text)
            case {"type": "msg_status", "status": {"status": str(status)} as about}:
                return await self._msg_status(channel, status, about)
        raise RefusedError(f"invalid event: {json.dumps(event)[:80]}")

    def message(self, results: list[Json]) -> str:
        """Return how an answer begins."""
        return "Events Handled"

    async def _chat_started(self, channel: Channel, chat: str) -> Json:
        urn = await self._backend.urn(channel, chat, new=True)
        await self._backend.bind(channel, urn)
        return happened(channel.uuid, chat, "new_conversation")

    async def _msg_in(self, channel: Channel, chat: str, text: str) -> Json:
        address = self._repeats.find(channel.uuid, chat, text)
        if address is None:
            urn = await self._backend.urn(channel, chat)
            await self._backend.bind(channel, urn)
            address = await self._backend.incoming(channel, urn, text)
            self._repeats.remember(channel.uuid, chat, text, address)
        return said(channel.uuid, chat, address, text, now())

    async def _msg_status(self, channel: Channel, status: str, about: Json) -> Json:
        era = self._settings.era
        wanted = [_ERAS[era]] if era else _ERAS.values()
        name = next((name for name in wanted if name in about), "")
        if not name:
            raise RefusedError(f"status names no message, era {era}")
        if status not in STATUSES:
            raise RefusedError(f"unknown status {status!r}")
        named = Named(channel.id, about.get("msg_id"), about.get("msg_uuid"))
        if named.id is not None:
            named = named._replace(uuid=None)
        await self._statuses.report(named, STATUSES[status])
        return {"type": "status", "channel_uuid": channel.uuid, "status": status, name: about[name]}
