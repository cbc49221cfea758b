"""What is said to one connection: events, and the errors that answer commands.

It owns how a failure is worded for a visitor, and counts. Once the connection is closed, nothing
more is said.
"""

from msgspec.structs import replace
from twisted.logger import Logger

from chip.chat.client import Client
from chip.chat.observer import Observer
from chip.errors import Unavailable
from chip.protocol.commands import AckChat, Command, CommandError, SendMsg
from chip.protocol.events import Error, ErrorCode, Event, Resync, encode_event


class Replies:
    """One connection's outgoing side."""

    __slots__ = ("_client", "_observer", "closed", "errors", "sent")

    _log = Logger()

    def __init__(self, client: Client, observer: Observer) -> None:
        self._client = client
        self._observer = observer
        self.closed = False
        self.errors = 0
        """Errors that were told."""
        self.sent = 0
        """Events that were sent, errors included."""

    def send(self, event: Event) -> None:
        """Say `event`."""
        self.send_frame(encode_event(event))

    def send_frame(self, frame: bytes) -> None:
        """Say an event that is JSON already."""
        if not self.closed:
            self.sent += 1
            self._client.send(frame)

    def resync(self) -> None:
        """Say that messages may have been missed."""
        self._observer.resync()
        self.send(Resync())

    def refuse(self, error: CommandError) -> None:
        """Answer a frame that was no command, or one that is wrong."""
        self._error(
            Error(
                error.code,
                error.message,
                error.command,
                error.ref,
                error.msg_id,
                error.msg_uuid,
                error.retry_after,
            )
        )

    def error(self, code: ErrorCode, message: str, command: Command, retry_after: int = 0) -> None:
        """Answer a command that was not carried out; `retry_after` is in seconds."""
        answer = Error(code, message, str(command.__struct_config__.tag), retry_after=retry_after)
        match command:
            case SendMsg():
                answer = replace(answer, ref=command.ref or "")
            case AckChat():
                answer = replace(answer, msg_id=command.msg_id, msg_uuid=command.msg_uuid)
        self._error(answer)

    def failed(self, error: Exception, *commands: Command) -> None:
        """Answer commands over which `error` was raised. To be called where it is handled."""
        code: ErrorCode = "internal"
        message, retry_after = "something went wrong here", 0
        match error:
            case Unavailable():
                code, message, retry_after = "unavailable", str(error), error.retry_after
            case CommandError():
                code, message, retry_after = error.code, error.message, error.retry_after
            case _:
                # It ends neither this visitor's connection nor anybody else's.
                self._log.failure("{command} failed", command=type(commands[0]).__name__)
        for command in commands:
            self.error(code, message, command, retry_after)

    def _error(self, error: Error) -> None:
        self.errors += 1
        self._observer.error(error.code)
        self.send(error)
