"""Courier's side of the contract: what Chip posts, one request after the other.

    POST /c/{chp or ex}/{channel}/{action}

Owns finding who answers, showing the faults that were asked for, and the record of what came.
What the two kinds of channel take stands in `chp` and `external_receive`.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
import psycopg

from .answers import RefusedError, no_route
from .channels import Channels
from .database import Channel
from .http import Answer, Request
from .records import Fault, Faults, Json, Log, Record

_PATH = re.compile(r"/c/(chp|ex)/([0-9a-f-]{36})/([a-z]+)/?")


class _Interruption(Exception):
    """A fault strikes here."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault


@dataclass(slots=True)
class Asked:
    """What a request asks for; `refusal` is what is wrong with it, said once the channel is known
    to be right."""

    events: list[Json]
    chat: str = ""
    secret: str = ""
    form: dict[str, str] = field(default_factory=dict)
    refusal: RefusedError | None = None


class Kind(Protocol):
    """What differs between the kinds of channel; `away` is the status of answers about a channel
    that cannot be looked up because there is no database."""

    kind: str
    away: int
    methods: tuple[str, ...]
    actions: tuple[str, ...]

    @property
    def served(self) -> bool: ...
    def read(self, action: str, request: Request) -> Asked: ...
    async def chat_of(self, asked: Asked) -> str: ...
    def admit(self, channel: Channel, asked: Asked) -> None: ...
    async def happen(self, channel: Channel, asked: Asked, event: Json) -> Json: ...
    def message(self, results: list[Json]) -> str: ...


class Receiver:
    """Takes requests for channels of these kinds, by how they stand in paths."""

    def __init__(self, channels: Channels, kinds: dict[str, Kind], log: Log) -> None:
        self.channels = channels
        self.log = log
        self.faults = Faults()
        self._kinds = kinds

    async def handle(self, request: Request) -> Answer | None:
        """Answer one request; None hangs up."""
        matched = _PATH.fullmatch(request.path)
        if matched is None:
            return no_route(404, "Not Found")
        kind = self._kinds[matched[1]]
        if matched[3] not in kind.actions or not kind.served:
            return no_route(404, "Not Found")
        if request.method not in kind.methods:
            return no_route(405, "Method Not Allowed")
        try:
            asked = kind.read(matched[3], request)
        except RefusedError as refused:
            return refused.answer
        record = self.log.begin(
            request.connection, matched[2], asked.chat, asked.events, asked.form
        )
        record.chat_id = await kind.chat_of(asked)
        answer = await self._answer(kind, record, asked)
        self.log.end(record, answer.status if answer else -1)
        return answer

    async def _answer(self, kind: Kind, record: Record, asked: Asked) -> Answer | None:
        fault = self.faults.take(record.chat_id)
        try:
            if fault is None:
                return await self._work(kind, record, asked)
            await asyncio.sleep(fault.delay)
            works = fault.work or not fault.breaks
            answer = await self._work(kind, record, asked) if works else None
        except _Interruption as interruption:
            fault, answer = interruption.fault, None
        await asyncio.sleep(fault.linger)
        if fault.hang_up:
            return None
        if not fault.status:
            return answer
        default = RefusedError("told to fail", fault.status).answer
        body = default.body if fault.body is None else fault.body.encode()
        return Answer(fault.status, body, fault.headers)

    async def _work(self, kind: Kind, record: Record, asked: Asked) -> Answer:
        data: list[Json] = []
        try:
            channel = await self.channels.get(record.channel, kind.kind)
            kind.admit(channel, asked)
            for event in asked.events:
                fault = self.faults.take(record.chat_id, event)
                if fault is not None:
                    await asyncio.sleep(fault.delay)
                    if fault.breaks and not fault.work:
                        raise _Interruption(fault)
                result = await kind.happen(channel, asked, event)
                data.append(result)
                self.log.did(record, event, result)
                if fault is not None and fault.breaks:
                    raise _Interruption(fault)
        except RefusedError as refused:
            return refused.answer
        except psycopg.Error as error:
            return RefusedError(f"dial tcp: {type(error).__name__}", kind.away).answer
        return Answer(200, msgspec.json.encode({"message": kind.message(data), "data": data}))
