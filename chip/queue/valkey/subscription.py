"""A chat that somebody wants to hear of: who waits until that is so, and how long."""

from twisted.internet.defer import Deferred

from chip.errors import Unavailable
from chip.models import ChatKey
from chip.queue.valkey.deadline import Deadline


class Subscription:
    """`stood` once a server has confirmed it."""

    __slots__ = ("_waiting", "chat", "deadline", "stood")

    def __init__(self, chat: ChatKey) -> None:
        self.chat = chat
        self.stood = False
        self.deadline: Deadline | None = None
        self._waiting: list[Deferred[None]] = []

    async def confirmed(self) -> None:
        """Return once it has ever been confirmed. Raises Unavailable."""
        if not self.stood:
            waiter: Deferred[None] = Deferred()
            self._waiting.append(waiter)
            await waiter

    def settle(self, trouble: str = "") -> None:
        """A server has confirmed it, or there is `trouble`."""
        if self.deadline is not None:
            self.deadline.met()
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if trouble:
                waiter.errback(Unavailable(trouble))
            else:
                waiter.callback(None)
