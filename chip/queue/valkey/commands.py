"""What carries commands to where the keys are that they name."""

from typing import Any, Protocol

from txredisapi import ResponseError

from chip.queue.valkey.outages import Outages


class Commands(Protocol):
    """A connection to the one server, or what finds whichever server holds a part of the keys."""

    @property
    def outages(self) -> Outages:
        """What the log tells of the server."""

    async def call(self, *command: bytes) -> Any:
        """The answer to a command. Raises Unavailable."""

    async def send(self, command: bytes, *, replicated: bytes = b"") -> Any:
        """The answer to an encoded command; with a key, once enough replicas have what was stored:
        that key, which lies where the command's do, is written for it. Raises Unavailable, or
        ScriptMissing."""

    def explain(self, error: ResponseError) -> Exception:
        """What a refusal within an answer means."""
