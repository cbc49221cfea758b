"""How a message of a webchat channel reaches Chip: whole, as JSON with the channel's secret."""

from __future__ import annotations

import json

from .database import Channel
from .http import Client
from .outgoing import ERRORED, FAILED, WIRED, Json, Saying, outcome


class ChpRoad:
    """Posts to /wc/send/{channel}/ of `chip`, a base URL."""

    def __init__(self, client: Client, chip: str) -> None:
        self._client = client
        self.chip = chip

    def payload(self, channel: Channel, saying: Saying) -> Json:
        """Return the body of the request."""
        body: Json = {"id": saying.id} if saying.era == "id" else {"uuid": saying.uuid}
        body |= {"text": saying.text}
        body |= {"attachments": saying.attachments} if saying.attachments else {}
        body |= {"quick_replies": saying.quick_replies} if saying.quick_replies else {}
        body |= {"origin": saying.origin}
        body |= {"user_id": saying.user_id} if saying.user_id else {}
        secret = saying.secret or channel.secret or ""
        return {"chat_id": saying.chat, "secret": secret, "msg": body}

    async def post(self, channel: Channel, payload: Json, chip: str | None) -> tuple[Json, str]:
        """Post it; return the answer and what it makes of the message."""
        url = f"{(chip or self.chip).rstrip('/')}/wc/send/{channel.uuid}/"
        result = await outcome(self._client.post(url, json.dumps(payload).encode()))
        return result | {"answers": [result]}, _verdict(result["status"])


def _verdict(status: int | None) -> str:
    if status is not None and status < 300:
        return WIRED
    return FAILED if status is not None and 400 <= status < 500 else ERRORED
