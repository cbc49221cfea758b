"""Who is who: channels, contacts and users, looked up once and remembered for a short while.

It owns three promises. Lookups of the same thing at the same time become one query. What is known
still serves while the database is away. And nobody can hammer the database with names that do
not exist: asking for the unknown, and asking again, is rate-limited for the whole process.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from chip.chat.ports import Store
from chip.errors import Unavailable
from chip.limits import TokenBucket
from chip.models import Channel, ChatKey, Contact, User

FRESH_FOR: Final = 30.0
"""Seconds that an answer counts as current: a changed secret counts after that at the latest."""
REMEMBERED: Final = 20_000
"""Answers kept of each kind, current or not."""
DOUBTS_PER_SECOND: Final = 200
"""Lookups of unknown things, and repeated lookups, that the database is asked in a second."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Directory:
    """The store's nouns, cached."""

    def __init__(self, store: Store, seconds: Callable[[], float]) -> None:
        doubts = TokenBucket(DOUBTS_PER_SECOND, DOUBTS_PER_SECOND)
        self._channels = _Remembered[str, Channel](store.channel, seconds, doubts)
        self._users = _Remembered[int, User](store.user, seconds, doubts)
        self._contacts = _Remembered[ChatKey, Contact](
            self._find_contact, seconds, doubts, again_is_free=True
        )
        self._store = store

    async def channel(self, uuid: str, *, again: bool = False) -> Channel | None:
        """The channel, or None. With `again`, what is remembered is in doubt: ask the database."""
        return await self._channels.get(uuid, again=again)

    async def contact(self, chat: ChatKey, *, again: bool = False) -> Contact | None:
        """Whose chat this is, or None. With `again`, the answer is to be as of now."""
        return await self._contacts.get(chat, again=again)

    async def user(self, user_id: int) -> User | None:
        """The active user, or None."""
        return await self._users.get(user_id)

    async def _find_contact(self, chat: ChatKey) -> Contact | None:
        channel = await self.channel(chat.channel_uuid)
        return await self._store.contact(channel, chat.chat_id) if channel else None


class _Remembered(Generic[K, V]):
    """Answers to one kind of question. Only what was found is remembered."""

    def __init__(
        self,
        ask: Callable[[K], Awaitable[V | None]],
        seconds: Callable[[], float],
        doubts: TokenBucket,
        *,
        again_is_free: bool = False,
    ) -> None:
        self._ask = ask
        self._again_is_free = again_is_free
        self._seconds = seconds
        self._doubts = doubts
        self._known: OrderedDict[K, tuple[float, V]] = OrderedDict()
        self._asking: dict[K, list[Deferred[V | None]]] = {}

    async def get(self, key: K, *, again: bool = False) -> V | None:
        known = self._known.get(key)
        if known and not again and self._seconds() - known[0] < FRESH_FOR:
            return known[1]
        try:
            return await self._look_up(key, in_doubt=again or known is None)
        except Unavailable:
            if known is None:
                raise
            return known[1]

    async def _look_up(self, key: K, *, in_doubt: bool) -> V | None:
        """Ask, or wait for the answer of whoever is asking already."""
        if key in self._asking:
            waiter: Deferred[V | None] = Deferred()
            self._asking[key].append(waiter)
            return await waiter
        if in_doubt and self._doubts.wait(self._seconds()):
            raise Unavailable("too many lookups", retry_after=1)
        again = key in self._known and not self._again_is_free
        waiters = self._asking[key] = []
        try:
            value = await self._ask(key)
        except BaseException:
            failure = Failure()
            for waiter in self._done(key, waiters):
                waiter.errback(failure)
            raise
        if value is None or (in_doubt and again):
            # It was asked in vain, or need not have been asked.
            self._doubts.take(self._seconds())
        if value is None:
            self._known.pop(key, None)
        else:
            self._known[key] = (self._seconds(), value)
            self._known.move_to_end(key)
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        for waiter in self._done(key, waiters):
            waiter.callback(value)
        return value

    def _done(self, key: K, waiters: list[Deferred[V | None]]) -> list[Deferred[V | None]]:
        del self._asking[key]
        return waiters
