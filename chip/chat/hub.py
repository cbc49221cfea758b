"""Who is connected to this process, by chat: what happens to a chat reaches every tab of it.

The hub owns the list of open chats and their subscriptions. It does not know what a message is,
nor what a session does with it.
"""

from collections.abc import Callable, Iterable
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from chip.chat.hops import HOPS
from chip.chat.ports import Live, OutboxItem
from chip.models import ChatKey


class Member(Protocol):
    """A session, as the hub sees it."""

    def arrived(self, item: OutboxItem) -> None:
        """A message has just been put into the outbox."""

    def acked(self, number: int) -> None:
        """A message was acknowledged, here or elsewhere."""

    def tell(self, frame: bytes) -> None:
        """An event to pass on as it is."""

    def interrupted(self) -> None:
        """Anything may have happened unheard."""

    def replaced(self) -> None:
        """The chat has too many connections, and this is the oldest."""


class _Room:
    """A chat's connections. `waiting` holds those who joined before the subscription stood; it is
    None once it does."""

    __slots__ = ("members", "waiting")

    def __init__(self) -> None:
        self.members: list[Member] = []
        self.waiting: list[Deferred[None]] | None = []


class Hub:
    """The open chats of this process. It hears the live channel (`ports.LiveListener`)."""

    def __init__(self, live: Live, sockets_per_chat: int) -> None:
        self._live = live
        self._sockets_per_chat = sockets_per_chat
        self._rooms: dict[ChatKey, _Room] = {}
        self._watchers: list[Callable[[ChatKey, bool], None]] = []
        live.listen(self)

    async def join(self, chat: ChatKey, member: Member) -> None:
        """`member` hears of `chat` from now on. Raises Unavailable; it has not joined then."""
        room = self._rooms.get(chat)
        if room is None:
            room = self._rooms[chat] = _Room()
            room.members.append(member)
            await self._subscribe(chat, room)
            return
        room.members.append(member)
        if len(room.members) > self._sockets_per_chat:
            room.members.pop(0).replaced()
        if room.waiting is not None:
            subscribed: Deferred[None] = Deferred()
            room.waiting.append(subscribed)
            await subscribed

    async def _subscribe(self, chat: ChatKey, room: _Room) -> None:
        try:
            await self._live.subscribe(chat)
        except BaseException:
            del self._rooms[chat]
            failure = Failure()
            for waiter in room.waiting or ():
                waiter.errback(failure)
            raise
        waiters, room.waiting = room.waiting or (), None
        if room.members:
            self._notice(chat, True)
        else:  # all of them left meanwhile
            del self._rooms[chat]
            self._live.unsubscribe(chat)
        # Last: whoever waited may leave at once, and be the last to do so.
        for waiter in waiters:
            waiter.callback(None)

    def leave(self, chat: ChatKey, member: Member) -> None:
        """`member` is gone. To leave twice, or never to have joined, is no fault."""
        room = self._rooms.get(chat)
        if room is None or member not in room.members:
            return
        room.members.remove(member)
        if not room.members and room.waiting is None:
            del self._rooms[chat]
            self._live.unsubscribe(chat)
            self._notice(chat, False)

    def others(self, chat: ChatKey, member: Member) -> list[Member]:
        """The other connections of the chat in this process."""
        return [other for other in self._members(chat) if other is not member]

    def _members(self, chat: ChatKey) -> list[Member]:
        """A copy: what a member does may change the room."""
        room = self._rooms.get(chat)
        return list(room.members) if room else []

    # What the live channel says.

    def arrived(self, chat: ChatKey, item: OutboxItem) -> None:
        HOPS.tell("published", chat, (item,))
        for member in self._members(chat):
            member.arrived(item)

    def acked(self, chat: ChatKey, number: int) -> None:
        for member in self._members(chat):
            member.acked(number)

    def told(self, chat: ChatKey, frame: bytes) -> None:
        for member in self._members(chat):
            member.tell(frame)

    def interrupted(self, chats: Iterable[ChatKey] | None = None) -> None:
        for chat in list(self._rooms if chats is None else chats):
            for member in self._members(chat):
                member.interrupted()

    # Who is there, for metrics and logs.

    @property
    def open_chats(self) -> int:
        """How many chats have a connection here."""
        return len(self._rooms)

    def is_open(self, chat: ChatKey) -> bool:
        """Whether the chat has a connection here."""
        return chat in self._rooms

    def on_presence(self, watcher: Callable[[ChatKey, bool], None]) -> None:
        """Call `watcher` with a chat, and whether it is open, whenever that changes."""
        self._watchers.append(watcher)

    def _notice(self, chat: ChatKey, is_open: bool) -> None:
        for watcher in self._watchers:
            watcher(chat, is_open)
