"""The commands of a visitor's browser: one JSON object a frame, decoded into one of these types.

    → {"type":"start_chat","chat_id":"65vbbDAQCdPdEWlEhDGy4utO"}      chat_id optional
    → {"type":"send_msg","text":"Hi!","ref":"c1"}                     ref optional
    → {"type":"ack_chat","msg_id":34634}                              or "msg_uuid":"0191e180-…"
    → {"type":"get_history","before":"2024-05-01T17:15:30.123456Z"}
    → {"type":"set_email","email":"bob@example.com"}
    → {"type":"ping"}

Unknown fields are ignored. Whatever is wrong raises `CommandError`, which has what the ``error``
event says.
"""

import re
from datetime import datetime
from typing import Annotated, Any, Final, get_args

import msgspec

from chip.errors import without_values
from chip.models import MsgName
from chip.protocol.events import ErrorCode
from chip.protocol.times import parse_time

MAX_TEXT: Final = 4000
"""Characters that one message may have."""
MAX_REF: Final = 64
"""Characters that a client's own message id may have."""
MAX_EMAIL: Final = 255
"""Characters that an e-mail address may have: what RapidPro's column holds."""

# The HTML standard's "valid e-mail address", what browsers accept in <input type=email>, widened to
# letters of any script. Whether the address exists is not checked.
_EMAIL = re.compile(
    r"[\w.!#$%&'*+/=?^`{|}~-]+@[^\W_](?:[\w-]{0,61}[^\W_])?(?:\.[^\W_](?:[\w-]{0,61}[^\W_])?)*"
)


class CommandError(Exception):
    """Why a command is not carried out, as the ``error`` event says it. `retry_after` is in
    seconds, 0 where waiting does not help."""

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        command: str = "",
        ref: str = "",
        retry_after: int = 0,
        *,
        msg_id: int | str | None = None,
        msg_uuid: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after = retry_after
        self.message = message
        self.command = command
        self.ref = ref
        self.msg_id = msg_id
        self.msg_uuid = msg_uuid


class StartChat(msgspec.Struct, frozen=True, tag="start_chat"):
    """The first command: begin a chat, or resume the one that `chat_id` names."""

    chat_id: str | None = None


class SendMsg(msgspec.Struct, frozen=True, tag="send_msg"):
    """Send a message. The same `ref` again in the same chat is the same message."""

    text: str
    ref: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_REF)] | None = None


class AckChat(msgspec.Struct, frozen=True, tag="ack_chat"):
    """Acknowledge a message, named as its ``chat_out`` named it, by id or by uuid."""

    msg_id: int | str | None = None
    msg_uuid: str | None = None

    @property
    def name(self) -> MsgName:
        """The message's name; where Chip had sent a uuid for an id, that uuid."""
        if isinstance(self.msg_id, int):
            return MsgName(self.msg_id, self.msg_uuid or "")
        return MsgName(None, self.msg_uuid or self.msg_id or "")


class GetHistory(msgspec.Struct, frozen=True, tag="get_history"):
    """Ask for the messages before a moment."""

    before: str

    @property
    def moment(self) -> datetime:
        return parse_time(self.before)


class SetEmail(msgspec.Struct, frozen=True, tag="set_email"):
    """Set the visitor's e-mail address."""

    email: str


class Ping(msgspec.Struct, frozen=True, tag="ping"):
    """Ask for a ``pong``. Browsers cannot send or see the pings of the WebSocket itself."""


Command = StartChat | SendMsg | AckChat | GetHistory | SetEmail | Ping

COMMAND_NAMES: Final = tuple(str(kind.__struct_config__.tag) for kind in get_args(Command))
_decoder = msgspec.json.Decoder(Command)

_UNREADABLE: Final = (ValueError, RecursionError)
"""Whatever msgspec raises: all its own errors, and that of bad UTF-8, are ValueErrors."""


def decode_command(frame: bytes) -> Command:
    """The command in `frame`. Raises CommandError."""
    try:
        if not frame.isascii():
            frame.decode()  # msgspec does not check the UTF-8 of fields that it does not know
        command: Command = _decoder.decode(frame)
    except _UNREADABLE as error:
        raise _explain(frame, error) from None
    problem = "U+0000 is not allowed" if _has_nul(frame) else _problem(command)
    if problem:
        raise _invalid(problem, msgspec.to_builtins(command))
    return command


def _problem(command: Command) -> str:
    match command:
        case SendMsg(text=""):
            return "text must not be empty"
        case SendMsg(text=text) if len(text) > MAX_TEXT:
            return f"text must not be longer than {MAX_TEXT} characters"
        case AckChat() if not (command.name.uuid or command.name.id is not None):
            return "msg_id or msg_uuid is needed"
        case GetHistory():
            try:
                command.moment  # noqa: B018 - reading it is the check
            except ValueError:
                return "before must be an RFC 3339 time with a zone"
        case SetEmail(email=email) if len(email) > MAX_EMAIL or not _EMAIL.fullmatch(email):
            return f"email must be an address of at most {MAX_EMAIL} characters"
    return ""


def _explain(frame: bytes, error: Exception) -> CommandError:
    """Why `frame` could not be decoded. It decodes it once more, for bad frames only."""
    try:
        known = msgspec.json.decode(frame)
    except _UNREADABLE:
        return CommandError("invalid_json", "a frame must hold one JSON object")
    if not isinstance(known, dict):
        return CommandError("invalid_json", "a frame must hold one JSON object")
    if known.get("type") not in COMMAND_NAMES:
        return CommandError("unknown_command", "type must name a command", ref=_ref(known))
    return _invalid(without_values(error), known)


def _invalid(message: str, known: dict[str, Any]) -> CommandError:
    command = str(known["type"])
    msg_id: int | str | None = None
    msg_uuid = ""
    if command == "ack_chat":
        # True and false are numbers to Python alone.
        msg_id = known["msg_id"] if type(known.get("msg_id")) is int else _text(known, "msg_id")
        msg_uuid = _text(known, "msg_uuid")
    return CommandError(
        "invalid_command",
        message,
        command,
        _ref(known),
        msg_id=None if msg_id == "" else msg_id,
        msg_uuid=msg_uuid or None,
    )


def _ref(known: dict[str, Any]) -> str:
    ref = _text(known, "ref")
    return ref if len(ref) <= MAX_REF else ""


def _text(known: dict[str, Any], field: str) -> str:
    """What is in the field, ``""`` where it is nothing that may be said again."""
    text = known.get(field)
    return text if isinstance(text, str) and "\0" not in text else ""


def _has_nul(frame: bytes) -> bool:
    r"""Whether U+0000 is in valid JSON, where only the escape \u0000 can put it. Escaped
    backslashes are taken out first: they may stand in front of the text u0000."""
    return b"\\u0000" in frame and b"\\u0000" in frame.replace(b"\\\\", b"")
