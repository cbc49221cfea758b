"""Commands that reach whichever node serves a partition (`commands.Commands`).

A redirected command was not carried out, so it is sent again, to the right node. While nobody takes
it, requests wait for a second, as they do for a connection that was lost; later ones do not.
"""

from typing import Any, Final

from twisted.internet.task import deferLater
from txredisapi import ResponseError

from chip.errors import Unavailable
from chip.queue.valkey.cluster.node import Node
from chip.queue.valkey.cluster.nodes import Nodes
from chip.queue.valkey.cluster.slots import Redirected
from chip.queue.valkey.connection import RETURN_WITHIN
from chip.queue.valkey.errors import AnswerLost
from chip.queue.valkey.outages import Outages
from chip.queue.valkey.protocol import encode_command

_PAUSE: Final = 0.05
"""Seconds between two tries while a slot is on its way or nobody serves it."""
_QUICK: Final = 2
"""Times that one command is sent at once to where its slot has moved, without a pause."""
_REASONS: Final = {
    "TRYAGAIN": "is moving these chats to another node",
    "CLUSTERDOWN": "is a Cluster that does not serve these chats now",
}


class RoutedCommands:
    """Carries commands to one partition."""

    def __init__(self, partition: int, nodes: Nodes[Node], reactor: Any) -> None:
        self._partition = partition
        self._nodes = nodes
        self._reactor = reactor
        # Since when nothing has come through. Many commands may be under way at once: only one that
        # does come through ends this, and no other's try.
        self._blocked_since: float | None = None

    @property
    def outages(self) -> Outages:
        """What the log tells of the node."""
        return self._nodes.owner(self._partition).outages

    async def call(self, *command: bytes) -> Any:
        """The answer to a command. Raises Unavailable."""
        return await self.send(encode_command(*command))

    async def send(self, command: bytes, *, replicated: bytes = b"") -> Any:
        """The answer to an encoded command: see `Commands.send`."""
        moved = 0
        waits_since: float | None = None
        while True:
            try:
                answer = await self._try(command, replicated)
            except Redirected as why:
                moved += why.kind == "MOVED"
                if why.kind != "MOVED" or moved > _QUICK:
                    waits_since = await self._wait(why, waits_since)
                continue
            except Exception:
                self._blocked_since = None
                raise
            self._blocked_since = None
            return answer

    def explain(self, error: ResponseError) -> Exception:
        """What a refusal within an answer means."""
        return self._nodes.owner(self._partition).commands.explain(error)

    async def _try(self, command: bytes, replicated: bytes) -> Any:
        """Ask the owner once, and whomever it names if the slot is on its way there."""
        while True:
            owner = self._nodes.owner(self._partition)
            try:
                return await owner.commands.send(command, replicated=replicated)
            except Redirected as why:
                if why.kind == "ASK" and why.place is not None:
                    heir = self._nodes.at(why.place).commands
                    return await heir.send_asking(command, replicated)
                if why.kind == "MOVED" and why.place is not None:
                    self._nodes.moved(self._partition, why.place)
                if why.kind == "CLUSTERDOWN":
                    self._nodes.doubt(owner)
                raise
            except AnswerLost:
                raise  # it may have been carried out
            except Unavailable:
                if self._nodes.owner(self._partition) is owner:
                    raise

    async def _wait(self, why: Redirected, since: float | None) -> float:
        """Wait a little before the next try of a command that waits `since` then, if it did so
        before, and return since when it does. Others may come through again and again, as where
        only some keys have moved: so each has its own second as well."""
        now = self._reactor.seconds()
        since = now if since is None else since
        if self._blocked_since is None:
            self._blocked_since = now
        if now - min(since, self._blocked_since) > RETURN_WITHIN:
            reason = _REASONS.get(why.kind, "does not know its own nodes")
            self.outages.refusing.failed(f"it {reason}")
            raise Unavailable(f"Valkey {reason}")
        await deferLater(self._reactor, _PAUSE)
        return since
