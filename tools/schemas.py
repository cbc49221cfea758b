"""Write docs/spec/schemas.json: the JSON that goes over every wire of the protocol, as JSON Schema.

    python -m tools.schemas        what `make spec` runs

The types of `chip.protocol` and `chip.models` are its source, by msgspec. Besides them stand here:
the shapes that Chip writes without a type of their own, and the checks that it makes in words.
"""

import json
import re
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from chip.models import CHAT_ID_FORM, UUID_FORM, Availability, DeliveryStatus, MsgIn, MsgOut
from chip.protocol.commands import MAX_EMAIL, MAX_TEXT, Command
from chip.protocol.courier_receive import ReceiveAnswer
from chip.protocol.courier_send import SendRequest
from chip.protocol.events import Event

PAGE: Final = Path(__file__).parents[1] / "docs" / "spec" / "schemas.json"
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_Texts = Annotated[list[str], Meta(description="Quick replies, as many fields of one name.")]


class ChatOut(msgspec.Struct, tag="chat_out"):
    """A message for the visitor."""

    msg_out: MsgOut


class HistoryEntry(msgspec.Struct, omit_defaults=True):
    """What the visitor said, or what was said to him."""

    msg_in: MsgIn | None = None
    msg_out: MsgOut | None = None


class History(msgspec.Struct, tag="history", omit_defaults=True):
    """A page of what was said, newest first. `more`: there are older messages."""

    history: list[HistoryEntry]
    more: bool = False


class NewChat(msgspec.Struct, tag="chat_started"):
    """A new chat: Courier makes its contact."""


class Words(msgspec.Struct):
    """What a message of a visitor's consists of."""

    text: str


class NewMessage(msgspec.Struct, tag="msg_in"):
    """The visitor has said something."""

    msg: Words


class Status(msgspec.Struct, omit_defaults=True):
    """What became of a message, which is named in every way that is known."""

    status: DeliveryStatus
    msg_id: int | None = None
    msg_uuid: str | None = None


class NewStatus(msgspec.Struct, tag="msg_status"):
    """A message was shown, or waited for too long."""

    status: Status


class ReceiveRequest(msgspec.Struct):
    """What has happened in a chat, in order."""

    chat_id: str
    secret: str
    events: list[NewChat | NewMessage | NewStatus]


class ExternalSend(msgspec.Struct, omit_defaults=True):
    """A message on an External channel, or a part of one, as the fields of a form."""

    id: Annotated[str, Meta(pattern=f"^([1-9][0-9]{{0,18}}|{UUID_FORM})$")]
    to: str
    text: str = ""
    channel: str = ""
    quick_reply: _Texts = []


class ExternalMessage(msgspec.Struct, rename={"chat_id": "from"}):
    """What a visitor said on an External channel, as the fields of a form."""

    chat_id: str
    text: str


class ExternalStatus(msgspec.Struct):
    """Which message of an External channel was delivered, or failed, as the field of a form."""

    id: str


class Queued(msgspec.Struct):
    """The message is stored."""

    status: Literal["queued"]


class Problem(msgspec.Struct, omit_defaults=True):
    """Why a request was not carried out. `retry_after` is in seconds."""

    error: str
    retry_after: int = 0


class Version(msgspec.Struct):
    """Which release answers."""

    version: str


_HTTP: Final = (SendRequest, Queued, ExternalSend, Availability, Problem, Version)
_COURIER: Final = (ReceiveRequest, ReceiveAnswer, ExternalMessage, ExternalStatus)
_TYPES: Final = (Command, ChatOut, History, Event, *_HTTP, *_COURIER)
_READ: Final = {
    "StartChat",
    "SendMsg",
    "AckChat",
    "SentMsg",
    "SendRequest",
    "ReceiveAnswer",
    "ReceiveResult",
}
"""What Chip reads, and so may hold null. In what it writes, an empty field is left out."""

_TIME: Final = {"format": "date-time"}
_UUID: Final = {"format": "uuid"}
_CHAT_ID: Final = {"pattern": f"^{CHAT_ID_FORM}$"}
_CHECKS: Final[dict[str, dict[str, dict[str, Any]]]] = {
    "SendMsg": {"text": {"minLength": 1, "maxLength": MAX_TEXT}},
    "SetEmail": {"email": {"format": "idn-email", "maxLength": MAX_EMAIL}},
    "GetHistory": {"before": _TIME},
    "ChatStarted": {"chat_id": _CHAT_ID},
    "ChatResumed": {"chat_id": _CHAT_ID},
    "MsgOut": {"time": _TIME, "uuid": _UUID},
    "MsgIn": {"time": _TIME},
    "Said": {"time": _TIME},
    "SendRequest": {"chat_id": _CHAT_ID},
    "ReceiveRequest": {"chat_id": _CHAT_ID},
    "ExternalSend": {"to": _CHAT_ID, "channel": _UUID},
    "ExternalMessage": {"from": _CHAT_ID},
}
"""What Chip checks, or holds, beside the types."""
_ONE_OF: Final = {
    "AckChat": ("msg_id", "msg_uuid"),
    "SentMsg": ("id", "uuid"),
    "Status": ("msg_id", "msg_uuid"),
    "HistoryEntry": ("msg_in", "msg_out"),
}
"""At least one of these fields is needed."""
_NEEDED: Final = {"SendRequest": ["chat_id", "secret", "msg"]}
"""Fields that have a default only so that Chip can say which one is missing."""


def schemas() -> dict[str, Any]:
    """The whole document."""
    _, found = msgspec.json.schema_components(_TYPES)
    return {
        "$schema": _DIALECT,
        "title": "The JSON of Chip's protocol",
        "$defs": {name: _schema(name, schema) for name, schema in sorted(found.items())},
    }


def _schema(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    schema = _tidy(schema, nulls=name in _READ)
    schema["title"] = name
    schema["description"] = _plain(schema["description"])
    for field, checks in _CHECKS.get(name, {}).items():
        schema["properties"][field] |= checks
    if name in _NEEDED:
        schema["required"] = _NEEDED[name]
        for field in _NEEDED[name]:
            schema["properties"][field].pop("default", None)
    if name in _ONE_OF:
        schema["anyOf"] = [{"required": [field]} for field in _ONE_OF[name]]
    return schema


def _tidy(value: Any, *, nulls: bool) -> Any:
    """Without what is msgspec's way of saying it: one value in an enum, null for what is left
    out."""
    if isinstance(value, list):
        return [_tidy(item, nulls=nulls) for item in value]
    if not isinstance(value, dict):
        return value
    tidy = {key: _tidy(item, nulls=nulls) for key, item in value.items()}
    if len(tidy.get("enum", ())) == 1:
        tidy = {"const": tidy["enum"][0]}
    if "discriminator" in tidy:
        del tidy["discriminator"]
    if tidy.get("default", 0) is None:
        del tidy["default"]
    if tidy.get("required") == []:
        del tidy["required"]
    if not nulls and "anyOf" in tidy:
        kinds = [kind for kind in tidy.pop("anyOf") if kind != {"type": "null"}]
        tidy |= {"anyOf": kinds} if len(kinds) > 1 else kinds[0]
    return tidy


def _plain(docstring: str) -> str:
    """The first paragraph of a docstring, as a sentence for people who do not read Python."""
    first = docstring.split("\n\n", maxsplit=1)[0]
    return re.sub(r"\s+", " ", first.replace("``", "`")).strip()


def page() -> str:
    """The text of the file."""
    return json.dumps(schemas(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
