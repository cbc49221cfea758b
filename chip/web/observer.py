"""What the web layer tells whoever counts: a port, with nobody behind it by default.

Labels are bounded: an adapter may make each of them a metric's label.
"""

from typing import Literal, Protocol

ConnectOutcome = Literal[
    "accepted",
    "asked",  # a plain GET, to learn why a handshake was refused
    "no_channel",
    "bad_upgrade",
    "origin",
    "too_many",
    "too_fast",
    "full",
    "draining",
    "unavailable",
    "failed",
]


class Observer(Protocol):
    """Hears of connections and requests, at once and in the reactor's thread."""

    def connection(self, outcome: ConnectOutcome) -> None:
        """Somebody asked for ``/wc/connect/…``, and this came of it."""

    def closed(self, code: int) -> None:
        """A WebSocket is gone. `code` is its close code: ours, else the peer's, else 1006."""

    def send(self, status: int) -> None:
        """Courier's ``/wc/send/…`` was answered with this HTTP status."""


class Nobody:
    """An `Observer` that does not care."""

    def connection(self, outcome: ConnectOutcome) -> None:
        """Nothing."""

    def closed(self, code: int) -> None:
        """Nothing."""

    def send(self, status: int) -> None:
        """Nothing."""
