"""What tests and the benchmark may ask of the stand-in Courier, each by `POST /_/{name}`.

A public method is a request; its parameters are the request's JSON, what it returns the answer's.
"""

from __future__ import annotations

import asyncio
import json
import random
import resource
from typing import Any

import msgspec
import psycopg

from .answers import RefusedError
from .http import Answer, Request, Server
from .records import Fault
from .whole import WholeCourier

Json = dict[str, Any]


class Control:
    """`server` is where Chip reaches the `courier` that is to be controlled."""

    def __init__(self, courier: WholeCourier, server: Server) -> None:
        self._courier = courier
        self._receiver = courier.receiver
        self._sender = courier.sender
        self._server = server

    async def handle(self, request: Request) -> Answer | None:
        """Answer one request of a test."""
        name = request.path.removeprefix("/_/")
        method = None if name.startswith("_") or name == "handle" else getattr(self, name, None)
        if method is None:
            return Answer.of(404, {"error": f"no control {name!r}"})
        try:
            content = await method(**json.loads(request.body or b"{}"))
        except (psycopg.Error, ValueError, TypeError, LookupError, RefusedError) as error:
            return Answer.of(400, {"error": f"{type(error).__name__}: {error}"})
        return Answer(200, msgspec.json.encode(content))

    # To Chip.

    async def send(self, channel: str, chat: str, text: str = "hi", **options: Any) -> Json:
        """Say something to a visitor; the options are those of `Sender.send`."""
        return await self._sender.send(channel, chat, text, **options)

    async def send_many(
        self, sends: list[Json], parallel: int = 8, pause: float = 0, ordered: bool = True
    ) -> list[Json]:
        """Send all of these, so many chats at a time, in order within each chat with a `pause` in
        seconds in between; or else so many messages at a time, in any order."""
        gate = asyncio.Semaphore(parallel)
        groups: dict[Any, list[int]] = {}
        for place, one in enumerate(sends):
            groups.setdefault(one["chat"] if ordered else place, []).append(place)
        results: list[Json] = [{}] * len(sends)

        async def serve(places: list[int]) -> None:
            async with gate:
                for place in places:
                    if place != places[0]:
                        await asyncio.sleep(pause)
                    results[place] = await self.send(**sends[place])

        shuffled = list(groups.values())
        if not ordered:
            random.shuffle(shuffled)
        await asyncio.gather(*map(serve, shuffled))
        return results

    async def post(
        self, channel: str, payload: Any, copies: int = 1, chip: str | None = None
    ) -> list[Json]:
        """Post a payload as it is, so many times at once."""
        return await self._sender.post(channel, payload, copies, chip)

    async def retry(self, chip: str | None = None) -> list[Json]:
        """Send everything again that met a 5xx or no answer, as Courier does after minutes."""
        return await self._sender.retry(chip)

    async def deliver_again(
        self, channel: str, payload: Any, id: int, chip: str | None = None
    ) -> Json:
        """Send a message once more that was sent before, as after an answer that was lost."""
        return await self._sender.deliver_again(channel, payload, id, chip)

    async def queue_again(
        self, channel: str, payload: Any, id: int, chip: str | None = None
    ) -> Json:
        """Take a message from the queue a second time."""
        return await self._sender.queue_again(channel, payload, id, chip)

    async def let_go(self) -> None:
        """Close the idle connections to Chip."""
        await self._courier.client.let_go()

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

    async def write_spooled(self) -> None:
        """Write what was taken while the database was away."""
        await self._courier.spool.write()

    async def write_statuses(self) -> None:
        """Write the statuses that were collected."""
        await self._courier.statuses.write_batch()

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

    async def configure(self, **settings: Any) -> None:
        """Set what is given; see `Courier.configure`."""
        for name, value in settings.items():
            self._courier.configure(name, value)
