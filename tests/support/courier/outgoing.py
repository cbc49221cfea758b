"""What both kinds of channel know of a message to a visitor, and what Chip made of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any, Protocol

from .database import Channel
from .http import Answer

Json = dict[str, Any]
WIRED, FAILED, ERRORED = "W", "F", "E"


@dataclass(frozen=True, slots=True)
class Saying:
    """Something to be said to a visitor. `secret` None is the channel's own."""

    id: int
    uuid: str
    chat: str
    text: str
    era: str
    origin: str = "chat"
    user_id: int | None = None
    attachments: list[str] = field(default_factory=list)
    quick_replies: list[str] = field(default_factory=list)
    session_status: str = ""
    secret: str | None = None


class Road(Protocol):
    """How messages of one kind of channel reach Chip."""

    def payload(self, channel: Channel, saying: Saying) -> Any:
        """Return what is to be posted, as JSON can hold it."""

    async def post(self, channel: Channel, payload: Any, chip: str | None) -> tuple[Json, str]:
        """Post it to Chip, or to another one; return the answer and what that makes of it."""


async def outcome(asking: Awaitable[Answer]) -> Json:
    """Return what came of a request: `status` (None: no answer), `headers`, `text`, and `body`,
    which is what the text holds if it is JSON."""
    try:
        answer = await asking
    except (OSError, TimeoutError, asyncio.LimitOverrunError) as error:
        return no_answer(type(error).__name__)
    text = answer.body.decode(errors="replace")
    body: Any
    try:
        body = json.loads(text)
    except ValueError:
        body = text
    return {"status": answer.status, "body": body, "text": text, "headers": dict(answer.headers)}


def no_answer(why: str) -> Json:
    """Return the outcome of a request that was not answered, or not made."""
    return {"status": None, "body": why, "text": "", "headers": {}}
