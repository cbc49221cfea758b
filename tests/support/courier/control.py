"""What tests and the benchmark may ask of the stand-in Courier, each by `POST /_/{name}`.

A public method is a request; its parameters are the request's JSON, what it returns the answer's.
Owns RapidPro's direction, too: sending messages to Chip, with Courier's rules for retries.
"""

from __future__ import annotations

import asyncio
import json
import random
import resource
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
import psycopg

from .database import Named, Outgoing
from .http import Answer, Client, Request, Server
from .receive import Receiver
from .records import Fault

Json = dict[str, Any]
Result = TypeVar("Result")
_DATABASE_PATIENCE = 15.0
_ORIGINS = {"flow": {"flow_id": 1}, "broadcast": {"broadcast_id": 1}, "ticket": {"ticket": True}}


class Control:
    """`receiver` and `server` are the ones to be controlled; `chip` is Chip's base URL."""

    def __init__(self, receiver: Receiver, server: Server, chip: str) -> None:
        self._receiver = receiver
        self._server = server
        self._chip = chip
        self._client = Client()
        self._errored: list[tuple[str, Json, Named]] = []

    async def handle(self, request: Request) -> Answer | None:
        """Answer one request of a test."""
        name = request.path.removeprefix("/_/")
        method = None if name.startswith("_") or name == "handle" else getattr(self, name, None)
        if method is None:
            return Answer.of(404, {"error": f"no control {name!r}"})
        try:
            content = await method(**json.loads(request.body or b"{}"))
        except (psycopg.Error, ValueError, TypeError, LookupError) as error:
            return Answer.of(400, {"error": f"{type(error).__name__}: {error}"})
        return Answer(200, msgspec.json.encode(content))

    # To Chip.

    async def send(
        self,
        channel: str,
        chat: str,
        text: str = "hi",
        era: str | None = None,
        origin: str = "chat",
        user_id: int | None = None,
        attachments: list[str] | None = None,
        quick_replies: list[str] | None = None,
        secret: str | None = None,
        row: bool = True,
        chip: str | None = None,
    ) -> Json:
        """Say something to a visitor; `row` False leaves the database without the message."""
        backend = self._receiver.backend
        found = await _patiently(lambda: backend.channel(channel))
        if found is None:
            raise LookupError(f"no channel {channel}")
        if row:
            columns: Json = dict(_ORIGINS.get(origin, {}))
            columns |= {"text": text, "attachments": attachments, "created_by_id": user_id}
            columns["quick_replies"] = quick_replies or []
            message = await _patiently(lambda: backend.outgoing(found, chat, **columns))
        else:
            message = _unrecorded()
        named = (era or self._receiver.era or "uuid") == "id"
        body: Json = {"id": message.id} if named else {"uuid": message.uuid}
        body |= {"text": text}
        body |= {"attachments": attachments} if attachments else {}
        body |= {"quick_replies": quick_replies} if quick_replies else {}
        body |= {"origin": origin}
        body |= {"user_id": user_id} if user_id else {}
        payload = {"chat_id": chat, "secret": secret or found.secret or "", "msg": body}
        self._receiver.forget_last(channel, chat)
        sent = await self._deliver(channel, payload, Named(found.id, message.id, None), chip)
        return sent | {"id": message.id, "uuid": message.uuid, "channel": channel}

    async def send_many(self, sends: list[Json], parallel: int = 8) -> list[Json]:
        """Send all of these, in order within each chat, so many chats at a time."""
        gate = asyncio.Semaphore(parallel)
        chats: dict[str, list[int]] = {}
        for place, one in enumerate(sends):
            chats.setdefault(one["chat"], []).append(place)
        results: list[Json] = [{}] * len(sends)

        async def serve(places: list[int]) -> None:
            async with gate:
                for place in places:
                    results[place] = await self.send(**sends[place])

        await asyncio.gather(*map(serve, chats.values()))
        return results

    async def post(
        self, channel: str, payload: Json, copies: int = 1, chip: str | None = None
    ) -> list[Json]:
        """Post a body as it is, so many times at once."""
        return list(
            await asyncio.gather(*(self._post(channel, payload, chip) for _ in range(copies)))
        )

    async def retry(self, chip: str | None = None) -> list[Json]:
        """Send everything again that met a 5xx or no answer, as Courier does after minutes."""
        errored, self._errored = self._errored, []
        return [await self._deliver(*one, chip) for one in errored]

    async def deliver_again(
        self, channel: str, payload: Json, id: int, chip: str | None = None
    ) -> Json:
        """Send a message once more that was sent before, as after an answer that was lost."""
        found = await self._receiver.backend.channel(channel)
        if found is None:
            raise LookupError(f"no channel {channel}")
        return await self._deliver(channel, payload, Named(found.id, id, None), chip)

    async def let_go(self) -> None:
        """Close the idle connections to Chip."""
        self._client.let_go()

    async def _deliver(self, channel: str, payload: Json, message: Named, chip: str | None) -> Json:
        result = await self._post(channel, payload, chip)
        status = result["status"]
        if status is not None and status < 300:
            became, mark = "sent", "W"
        elif status is not None and 400 <= status < 500:
            became, mark = "failed", "F"
        else:
            became, mark = "errored", "E"
            self._errored.append((channel, payload, message))
        await _patiently(lambda: self._receiver.statuses.write(message, mark))
        return result | {"became": became, "payload": payload}

    async def _post(self, channel: str, payload: Json, chip: str | None) -> Json:
        url = f"{(chip or self._chip).rstrip('/')}/wc/send/{channel}/"
        try:
            answer = await self._client.post(url, json.dumps(payload).encode())
        except (OSError, TimeoutError, asyncio.LimitOverrunError) as error:
            return {"status": None, "body": type(error).__name__, "headers": {}}
        try:
            body = json.loads(answer.body)
        except ValueError:
            body = answer.body.decode(errors="replace")
        return {"status": answer.status, "body": body, "headers": answer.headers}

    # From Chip.

    async def requests(self, chat: str | None = None) -> list[Any]:
        """Return what came, request by request."""
        return [record for record in self._receiver.log.records if chat in {None, record.chat_id}]

    async def wait(
        self,
        count: int,
        chat: str | None = None,
        kind: str | None = None,
        requests: int = 0,
        timeout: float = 60,
    ) -> bool:
        """Return True once so many events were done and so many requests have come."""
        log = self._receiver.log
        return await log.wait(
            lambda: log.events(chat, kind) >= count and log.requests >= requests, timeout
        )

    async def clear(self) -> None:
        """Forget what came."""
        self._receiver.log.clear()

    async def stats(self) -> Json:
        """Return counters, and the seconds of CPU used so far."""
        log = self._receiver.log
        used = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "requests": log.requests,
            "events": log.counts,
            "first": log.first,
            "latest": log.latest,
            "connections": len(self._server.connections),
            "accepted": self._server.accepted,
            "cpu": used.ru_utime + used.ru_stime,
        }

    # Trouble.

    async def fault(self, **fields: Any) -> None:
        """Do something wrong from now on; see Fault."""
        self._receiver.faults.all.append(msgspec.convert(fields, Fault))

    async def heal(self) -> None:
        """Do everything right again."""
        self._receiver.faults.all.clear()
        await self._server.listen()

    async def deaf(self) -> None:
        """Stop listening and reset all connections."""
        self._server.go_deaf()

    async def configure(
        self,
        era: str | None = None,
        repeat_window: float | None = None,
        status_window: float | None = None,
        advance: float = 0,
        chip: str | None = None,
    ) -> None:
        """Set what is given. `advance` moves the clock of the repeated-text habit on."""
        if era is not None:
            self._receiver.era = era or None
        if repeat_window is not None:
            self._receiver.repeat_window = repeat_window
        if status_window is not None:
            self._receiver.statuses.window = status_window
        if chip is not None:
            self._chip = chip
        self._receiver.clock_offset += advance


async def _patiently(work: Callable[[], Awaitable[Result]]) -> Result:
    """Wait for the database to come back: RapidPro keeps what it means to say."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _DATABASE_PATIENCE
    while True:
        try:
            return await work()
        except psycopg.OperationalError:
            if loop.time() > deadline:
                raise
            await asyncio.sleep(0.05)


def _unrecorded() -> Outgoing:
    """Return a message of which the database knows nothing."""
    return Outgoing(random.randrange(10**9, 2 * 10**9), str(uuid.uuid4()))
