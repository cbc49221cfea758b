"""A visitor's connection, as a session sees it: what the owner of the socket must be able to do."""

from typing import Protocol


class Client(Protocol):
    """A connection, as its session sees it."""

    def send(self, frame: bytes) -> None:
        """Send a text frame. Never blocks; does nothing once the connection is closing."""

    def close(self, code: int, reason: str) -> None:
        """Close with a WebSocket close code."""

    def pause(self) -> None:
        """Read no more for now: enough commands are waiting."""

    def resume(self) -> None:
        """Read again."""

    @property
    def address(self) -> str:
        """What per-address limits count by; ``""`` when exempt."""

    @property
    def label(self) -> str:
        """How a log names the connection."""
