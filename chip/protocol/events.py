"""The events that Chip sends to a visitor's browser: one compact JSON object a text frame.

← {"type":"chat_started","chat_id":"65vbbDAQCdPdEWlEhDGy4utO"}
← {"type":"chat_resumed","chat_id":"65vbbDAQCdPdEWlEhDGy4utO","email":"bob@example.com"}
← {"type":"chat_out","msg_out":{…}}
← {"type":"history","history":[{"msg_in":{…}},{"msg_out":{…}}],"more":true}
← {"type":"error","code":"invalid_command","message":"…","command":"send_msg","ref":"c1"}
← {"type":"msg_accepted","ref":"c1"}
← {"type":"msg_echo","msg_in":{"text":"Hi!","ref":"c1","time":"…"}}
← {"type":"resync"}
← {"type":"pong"}
"""

from typing import Literal

import msgspec

ErrorCode = Literal[
    "invalid_json",
    "unknown_command",
    "invalid_command",
    "chat_not_started",
    "chat_already_started",
    "rate_limited",
    "unavailable",
    "rejected",
    "internal",
]


class ChatStarted(msgspec.Struct, frozen=True, tag="chat_started"):
    """A new chat exists; whoever has its id can resume it."""

    chat_id: str


class ChatResumed(msgspec.Struct, frozen=True, tag="chat_resumed"):
    """The chat goes on. `email` is ``""`` when none is known."""

    chat_id: str
    email: str


class Error(msgspec.Struct, frozen=True, tag="error", omit_defaults=True):
    """A command was not carried out. `message` is for a developer; `retry_after` is in seconds.

    What identifies the command is repeated: the `ref` of a message, or the `msg_id` or `msg_uuid`
    of an acknowledgement.
    """

    code: ErrorCode
    message: str
    command: str = ""
    ref: str = ""
    msg_id: int | str | None = None
    msg_uuid: str | None = None
    retry_after: int = 0


class MsgAccepted(msgspec.Struct, frozen=True, tag="msg_accepted"):
    """The message with this `ref` is stored where a crash cannot lose it."""

    ref: str


class Said(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A message that this visitor has just sent from another tab."""

    text: str
    ref: str = ""
    time: str


class MsgEcho(msgspec.Struct, frozen=True, tag="msg_echo"):
    """To the visitor's other connections: what he said on this one."""

    msg_in: Said


class Resync(msgspec.Struct, frozen=True, tag="resync"):
    """Another connection acknowledged messages that may not have come here: fetch history again."""


class Pong(msgspec.Struct, frozen=True, tag="pong"):
    """The answer to ``ping``."""


Event = ChatStarted | ChatResumed | Error | MsgAccepted | MsgEcho | Resync | Pong

_encoder = msgspec.json.Encoder()


def encode_event(event: Event) -> bytes:
    """`event` as a frame's payload."""
    return _encoder.encode(event)


def chat_out_frame(msg_out: bytes) -> bytes:
    """A ``chat_out`` around a message that is JSON already, so it is encoded once for all tabs."""
    return b'{"type":"chat_out","msg_out":' + msg_out + b"}"


def history_frame(history: bytes, *, more: bool) -> bytes:
    """A ``history`` around a page that the store has built as JSON. `more` says whether there are
    older messages."""
    return b'{"type":"history","history":' + history + (b',"more":true}' if more else b"}")
