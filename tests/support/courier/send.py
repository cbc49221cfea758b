"""RapidPro's direction: messages to visitors, with Courier's rules for sending them again.

An errored message is sent again, all of it; the third error is a failure. What was sent or has
failed is not sent again for an hour or two, even when it is queued twice, but is marked wired.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, TypeVar

import psycopg

from .channels import EXTERNAL, Channels
from .clock import Clock
from .database import Backend, Channel, Named, Outgoing
from .outgoing import ERRORED, FAILED, WIRED, Json, Road, Saying, no_answer
from .releases import Settings
from .repeats import Repeats
from .statuses import Statuses

Result = TypeVar("Result")
_DATABASE_PATIENCE = 15.0
_MOST_ERRORS = 3
_REMEMBERED = 3600.0
_ORIGINS = {"flow": {"flow_id": 1}, "broadcast": {"broadcast_id": 1}, "ticket": {"ticket": True}}
_BECAME = {WIRED: "sent", FAILED: "failed", ERRORED: "errored"}


class Errored(NamedTuple):
    """A message that waits for its next try."""

    channel: Channel
    payload: Any
    message: Named


class Sender:
    """Sends, by the road of the channel's kind."""

    def __init__(
        self,
        backend: Backend,
        channels: Channels,
        statuses: Statuses,
        repeats: Repeats,
        settings: Settings,
        clock: Clock,
        *,
        road: Road,
        external: Road,
    ) -> None:
        self._backend = backend
        self._channels = channels
        self._statuses = statuses
        self._repeats = repeats
        self._settings = settings
        self._clock = clock
        self._road = road
        self._external = external
        self._errored: list[Errored] = []
        self._errors: dict[Named, int] = {}
        self._done: dict[Named, float] = {}

    async def send(
        self,
        address: str,
        chat: str,
        text: str,
        *,
        row: bool = True,
        era: str | None = None,
        origin: str = "chat",
        user_id: int | None = None,
        attachments: list[str] | None = None,
        quick_replies: list[str | list[str]] | None = None,
        chip: str | None = None,
        **more: Any,
    ) -> Json:
        """Say something to a visitor; `row` False leaves the database without the message."""
        channel = await _patiently(lambda: self._channels.get(address))
        replies = [(one, "") if isinstance(one, str) else tuple(one) for one in quick_replies or []]
        if row:
            columns: Json = dict(_ORIGINS.get(origin, {}))
            columns |= {"text": text, "attachments": attachments, "created_by_id": user_id}
            columns["quick_replies"] = replies
            message = await _patiently(lambda: self._backend.outgoing(channel, chat, **columns))
        else:
            message = _unrecorded()
        saying = Saying(
            message.id,
            message.uuid,
            chat,
            text,
            era or self._settings.era or "uuid",
            origin,
            user_id,
            attachments or [],
            [reply for reply, _ in replies],
            **more,
        )
        payload = self._road_of(channel).payload(channel, saying)
        self._repeats.forget(address, chat)
        sent = await self._deliver(channel, payload, Named(channel.id, message.id, None), chip)
        return sent | {"id": message.id, "uuid": message.uuid, "channel": address}

    async def post(self, address: str, payload: Any, copies: int, chip: str | None) -> list[Json]:
        """Post a payload as it is, so many times at once; needs no database."""
        channel = await self._channels.as_it_was(address)
        road = self._road_of(channel)
        posted = await asyncio.gather(*(road.post(channel, payload, chip) for _ in range(copies)))
        return [result for result, _ in posted]

    async def retry(self, chip: str | None) -> list[Json]:
        """Send everything again that is errored, as Courier does after minutes."""
        errored, self._errored = self._errored, []
        return [await self._deliver(*one, chip) for one in errored]

    async def deliver_again(self, address: str, payload: Any, id: int, chip: str | None) -> Json:
        """Send a message once more that was sent before, as after an answer that was lost."""
        channel = await _patiently(lambda: self._channels.get(address))
        return await self._deliver(channel, payload, Named(channel.id, id, None), chip)

    async def queue_again(self, address: str, payload: Any, id: int, chip: str | None) -> Json:
        """Take a message from the queue a second time."""
        channel = await _patiently(lambda: self._channels.get(address))
        message = Named(channel.id, id, None)
        if self._clock.now() - self._done.get(message, -1e9) >= _REMEMBERED:
            return await self._deliver(channel, payload, message, chip)
        await _patiently(lambda: self._statuses.write(message, WIRED))
        done = {"answers": [], "became": "sent", "payload": payload}
        return no_answer("not sent again") | done

    def _road_of(self, channel: Channel) -> Road:
        return self._external if channel.kind == EXTERNAL else self._road

    async def _deliver(
        self, channel: Channel, payload: Any, message: Named, chip: str | None
    ) -> Json:
        now = asyncio.get_running_loop().time
        began = now()
        with self._statuses.sending(message):
            result, mark = await self._road_of(channel).post(channel, payload, chip)
            became = mark
            if mark == ERRORED:
                errors = self._errors[message] = self._errors.get(message, 0) + 1
                if errors >= _MOST_ERRORS:
                    became = FAILED
                else:
                    self._errored.append(Errored(channel, payload, message))
            if became != ERRORED:
                self._done[message] = self._clock.now()
            # The database counts the errors, too.
            await _patiently(lambda: self._statuses.write(message, mark, now() - began))
        return result | {"became": _BECAME[became], "payload": payload}


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
