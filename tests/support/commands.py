"""A visitor's commands, as his client sends them."""

from __future__ import annotations

from typing import Any


def start(chat_id: str | None = None) -> dict[str, Any]:
    return {"type": "start_chat"} | ({"chat_id": chat_id} if chat_id is not None else {})


def say(text: str, ref: str | None = None) -> dict[str, Any]:
    return {"type": "send_msg", "text": text} | ({"ref": ref} if ref else {})


def ack(msg_id: int) -> dict[str, Any]:
    return {"type": "ack_chat", "msg_id": msg_id}
