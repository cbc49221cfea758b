"""Courier's words when it takes something or does not."""

from __future__ import annotations

import datetime
from typing import Any

from .http import Answer


class RefusedError(Exception):
    """Courier does not take this: the answer says why."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.answer = Answer.of(
            status, {"message": "Error", "data": [{"type": "error", "error": reason}]}
        )


def no_route(status: int, message: str) -> Answer:
    """What Courier itself says where no handler is to say anything."""
    return Answer.of(status, {"message": message, "data": [{"type": "error", "error": "…"}]})


def said(channel: str, chat: str, uuid: str, text: str, received_on: str) -> dict[str, Any]:
    """What an answer says of a message that was taken."""
    return {
        "type": "msg",
        "channel_uuid": channel,
        "msg_uuid": uuid,
        "text": text,
        "urn": f"webchat:{chat}",
        "received_on": received_on,
    }


def happened(channel: str, chat: str, event: str) -> dict[str, Any]:
    """What an answer says of an event that was taken."""
    return {
        "type": "event",
        "channel_uuid": channel,
        "event_type": event,
        "urn": f"webchat:{chat}",
        "received_on": now(),
    }


def now() -> str:
    """The time as it stands in answers."""
    return datetime.datetime.now(datetime.UTC).isoformat()
