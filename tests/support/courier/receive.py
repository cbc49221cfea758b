"""Courier's side of the contract: what Chip posts, one request after the other.

    POST /c/chp/{channel}/receive
    {"chat_id", "secret", "events": [chat_started | msg_in | msg_status, …]}
      -> 200 {"message": "Events Handled", "data": [one entry for each event]}
      -> 4xx {"message": "Error", "data": [{"type": "error", "error": …}]}

Owns the checks, Courier's habits and showing the faults that were asked for.
"""

from __future__ import annotations

import asyncio
import datetime
import json
import re
import time
from typing import Any

import msgspec
import psycopg

from .database import Backend, Channel, Named
from .http import Answer, Request
from .records import Fault, Faults, Json, Log, Record
from .statuses import Statuses

_PATH = re.compile(r"/c/chp/([0-9a-f-]{36})/receive/?")
_ERAS = {"id": "msg_id", "uuid": "msg_uuid"}
_STATUSES = {"sent": "S", "delivered": "D", "failed": "F"}


class _RefusedError(Exception):
    """Courier does not take this: the answer says why."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.answer = Answer.of(
            status, {"message": "Error", "data": [{"type": "error", "error": reason}]}
        )


def _no_route(status: int, message: str) -> Answer:
    """What Courier itself says where no handler is to say anything."""
    return Answer.of(status, {"message": message, "data": [{"type": "error", "error": "…"}]})


class _Interruption(Exception):
    """A fault strikes here."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault


class _Payload(msgspec.Struct):
    chat_id: str
    secret: str
    events: list[dict[str, Any]]


class Receiver:
    """Takes requests. `era` None reads statuses by id or by uuid, else only by that name."""

    def __init__(self, backend: Backend, log: Log, repeat_window: float = 4.0) -> None:
        self.backend = backend
        self.statuses = Statuses(backend)
        self.log = log
        self.faults = Faults()
        self.era: str | None = None
        self.repeat_window = repeat_window
        self.clock_offset = 0.0
        self._decoder = msgspec.json.Decoder(_Payload)
        self._last: dict[tuple[str, str], tuple[str, str, float]] = {}

    def forget_last(self, channel: str, chat: str) -> None:
        """A message to the visitor: the same text again would now be news."""
        self._last.pop((channel, chat), None)

    async def handle(self, request: Request) -> Answer | None:
        """Answer one request; None hangs up."""
        matched = _PATH.fullmatch(request.path)
        if matched is None:
            return _no_route(404, "Not Found")
        if request.method != "POST":
            return _no_route(405, "Method Not Allowed")
        try:
            payload = self._decoder.decode(request.body)
        except msgspec.DecodeError as error:
            return _RefusedError(f"unable to parse request JSON: {error}").answer
        record = self.log.begin(request.connection, matched[1], payload.chat_id, payload.events)
        answer = await self._answer(record, payload)
        self.log.end(record, answer.status if answer else -1)
        return answer

    async def _answer(self, record: Record, payload: _Payload) -> Answer | None:
        fault = self.faults.take(payload.chat_id)
        try:
            if fault is None:
                return await self._work(record, payload)
            await asyncio.sleep(fault.delay)
            works = fault.work or not fault.breaks
            answer = await self._work(record, payload) if works else None
        except _Interruption as interruption:
            fault, answer = interruption.fault, None
        await asyncio.sleep(fault.linger)
        if fault.hang_up:
            return None
        if not fault.status:
            return answer
        default = _RefusedError("told to fail", fault.status).answer
        body = default.body if fault.body is None else fault.body.encode()
        return Answer(fault.status, body, fault.headers)

    async def _work(self, record: Record, payload: _Payload) -> Answer:
        try:
            channel = await self.backend.channel(record.channel)
            if channel is None:
                raise _RefusedError("channel not found")
            if channel.secret is None or channel.secret != payload.secret:
                raise _RefusedError("secret incorrect")
            data = []
            for event in payload.events:
                fault = self.faults.take(payload.chat_id, event)
                if fault is not None:
                    await asyncio.sleep(fault.delay)
                    if fault.breaks and not fault.work:
                        raise _Interruption(fault)
                result = await self._event(channel, payload.chat_id, event)
                data.append(result)
                self.log.did(record, event, result)
                if fault is not None and fault.breaks:
                    raise _Interruption(fault)
        except _RefusedError as refused:
            return refused.answer
        except psycopg.Error as error:
            return _RefusedError(f"database: {type(error).__name__}", 500).answer
        return Answer(200, msgspec.json.encode({"message": "Events Handled", "data": data}))

    async def _event(self, channel: Channel, chat: str, event: Json) -> Json:
        match event:
            case {"type": "chat_started"}:
                return await self._chat_started(channel, chat)
            case {"type": "msg_in", "msg": {"text": str(text)}}:
                return await self._msg_in(channel, chat, text)
            case {"type": "msg_status", "status": {"status": str(status)} as about}:
                return await self._msg_status(channel, status, about)
        raise _RefusedError(f"invalid event: {json.dumps(event)[:80]}")

    async def _chat_started(self, channel: Channel, chat: str) -> Json:
        urn = await self.backend.urn(channel, chat, new=True)
        await self.backend.wipe_display(urn)
        return {
            "type": "event",
            "channel_uuid": channel.uuid,
            "event_type": "new_conversation",
            "urn": f"webchat:{chat}",
            "received_on": _now(),
        }

    async def _msg_in(self, channel: Channel, chat: str, text: str) -> Json:
        last, address, when = self._last.get((channel.uuid, chat), ("", "", 0.0))
        now = time.monotonic() + self.clock_offset
        if text != last or now - when >= self.repeat_window:
            urn = await self.backend.urn(channel, chat)
            await self.backend.wipe_display(urn)
            address = await self.backend.incoming(channel, urn, text)
            self._last[channel.uuid, chat] = (text, address, now)
        return {
            "type": "msg",
            "channel_uuid": channel.uuid,
            "msg_uuid": address,
            "text": text,
            "urn": f"webchat:{chat}",
            "received_on": _now(),
        }

    async def _msg_status(self, channel: Channel, status: str, about: Json) -> Json:
        wanted = [_ERAS[self.era]] if self.era else _ERAS.values()
        name = next((name for name in wanted if name in about), "")
        if not name:
            raise _RefusedError(f"status names no message, era {self.era}")
        if status not in _STATUSES:
            raise _RefusedError(f"unknown status {status!r}")
        named = Named(channel.id, about.get("msg_id"), about.get("msg_uuid"))
        if named.id is not None:
            named = named._replace(uuid=None)
        await self.statuses.write(named, _STATUSES[status])
        return {"type": "status", "channel_uuid": channel.uuid, "status": status, name: about[name]}


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat()
