"""What happens in a process, told to whoever counts it.

One class for all layers: `chip.ops.metrics` overrides its methods, and where nobody counts, this
one does nothing. Everything is told at once, in the reactor's thread. Labels come from closed sets,
so that each may become a metric's label.
"""

from typing import Literal

from chip.chat.outbound.ports import AnswerKind, Appended
from chip.protocol.events import ErrorCode

ConnectOutcome = Literal[
    "accepted",
    "asked",  # a plain GET, to learn why a handshake was refused
    "no_channel",
    "in_vain",  # its address has asked for too many channels that do not exist
    "bad_upgrade",
    "origin",
    "too_many",
    "too_fast",
    "full",
    "draining",
    "unavailable",
    "failed",
]
"""What came of a request for ``/wc/connect/…``."""


SentBy = Literal["visitor", "courier"]
MessageOutcome = Appended | Literal["rejected"]
"""What came of a message: see `Appended`; or Courier refused for good what was queued for it, or it
waited too long."""


class Observer:
    """Hears what happens, and does nothing about it."""

    def connection(self, outcome: ConnectOutcome) -> None:
        """Somebody asked for a WebSocket, and this came of it."""

    def closed(self, code: int) -> None:
        """A WebSocket is gone. `code` is its close code: ours, else the peer's, else 1006."""

    def cut(self, why: str) -> None:
        """An HTTP connection was ended, or not begun. `why` is one of
        `chip.web.http.waiting.Cut`."""

    def send(self, status: int) -> None:
        """Courier's message was answered with this HTTP status."""

    def message(
        self, sender: SentBy, channel_uuid: str, outcome: MessageOutcome, times: int = 1
    ) -> None:
        """Messages were handed over to be stored, or what was stored is given up."""

    def expired(self, messages: int) -> None:
        """So many messages waited too long for their visitors, and are reported as failed."""

    def put_back(self, messages: int) -> None:
        """So many messages that a chat's outbox had lost are in it again."""

    def resync(self) -> None:
        """A visitor was told that messages may have been missed."""

    def command(self, kind: str) -> None:
        """A visitor's command has come in; `kind` is its type, or ``invalid``."""

    def error(self, code: ErrorCode) -> None:
        """A visitor was told of an error."""

    def shown(self, seconds: float) -> None:
        """A message was acknowledged, so many seconds after it was accepted."""

    def courier(self, kind: AnswerKind, seconds: float) -> None:
        """A request to Courier has ended, after so many seconds."""

    def channel_refused(self, channel_uuid: str) -> None:
        """Courier takes nothing of this channel, by none of its secrets."""

    def desk_login(self, outcome: str) -> None:
        """Somebody wanted to come in at the desk. `outcome` is one of `chip.desk.access.Login`."""
