"""Channels, contacts and users: a single-flight cache in front of the store.

It owns three promises. Lookups of the same thing at the same time become one query. What is known
still serves while the database is away. And nobody can hammer the database with names that do
not exist, or use up the lookups of others: asking in vain is limited for whoever asks and, for each
kind of thing by itself, for all who have asked in vain lately. What is found costs nobody anything.
"""

import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Generic, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from chip.buckets import Buckets, FailureBudget
from chip.chat.ports import Store
from chip.errors import AskedInVain, Unavailable
from chip.limits import Limits
from chip.models import Channel, ChatKey, Contact, User

FRESH_FOR: Final = 30.0
"""Seconds that an answer counts as current: a changed secret counts after that at the latest."""
SECRET_LASTS: Final = 180.0
"""Seconds for which the secret before is still good after a change: Courier remembers a channel
for a minute, and a process here may see the change half a minute before another."""
SECRET_REMEMBERED: Final = 3600.0
"""Seconds after which a secret that was seen tells nothing of when it was changed: it may have been
long ago, and for a reason."""
MOST_ANSWERS_KEPT: Final = 20_000
"""Answers kept of each kind, current or not."""
IN_VAIN_PER_SECOND: Final = 200
"""Lookups in vain of one kind that the database is asked in a second, whoever asks, unless one
network alone may ask more often."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Absence:
    """Whether the store is away, and since when it is back, as far as somebody has asked."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self.is_away = False
        self.back_at = float("-inf")

    def failed(self) -> None:
        """It does not answer."""
        self.is_away = True

    def ended(self) -> None:
        """It answers."""
        if self.is_away:
            self.is_away, self.back_at = False, self._seconds()


class Lookups:
    """The store's channels, contacts and users, cached.

    An `asker` is who is to blame when there is no such thing: a network of addresses, or ``""`` for
    all whose address is not known. None is nobody: Chip itself asks, or somebody who knows the
    secret of a channel. Raises AskedInVain for an asker who has asked in vain too often."""

    def __init__(self, store: Store, seconds: Callable[[], float], limits: Limits) -> None:
        self._seconds = seconds
        vain = Buckets(limits.vain_lookups_per_second, limits.vain_lookups_burst)
        self.absence = absence = Absence(seconds)
        # The secret that a channel had before, and when the change was seen.
        self._old_secrets: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._channels = _Cache[str, Channel](self._find_channel, seconds, vain, absence)
        self._courier_channels = _Cache[tuple[str, bool], Channel](
            self._find_courier_channel, seconds, vain, absence
        )
        self._users = _Cache[int, User](store.user, seconds, vain, absence)
        self._contacts = _Cache[ChatKey, Contact](
            self._find_contact, seconds, vain, absence, stale_ok=True
        )
        self._store = store

    async def channel(
        self, uuid: str, *, again: bool = False, asker: str | None = None
    ) -> Channel | None:
        """The channel, or None. With `again`, what is remembered is in doubt: only the database's
        own word will do, and where there is none, this raises Unavailable."""
        return await self._channels.get(uuid, again=again, asker=asker)

    async def courier_channel(
        self, uuid: str, *, external: bool, again: bool = False, asker: str | None = None
    ) -> Channel | None:
        """The same for a channel that Courier calls so."""
        if not external:
            # Courier calls it as pages do, unless these use the name for another channel now.
            channel = await self.channel(uuid, again=again, asker=asker)
            if channel is None or not channel.external_uuid:
                return channel
        return await self._courier_channels.get((uuid, external), again=again, asker=asker)

    async def secrets(self, channel: Channel, *, asker: str | None = None) -> list[str]:
        """What Courier may take and send for a secret now: the channel's own as of now, then the
        one before, for a while after a change. Raises Unavailable when nobody can say."""
        name, external = channel.courier_uuid, bool(channel.external_uuid)
        current = await self.courier_channel(name, external=external, again=True, asker=asker)
        return self.known_secrets(current) if current else []

    def known_secrets(self, channel: Channel) -> list[str]:
        """The same, for a channel as it was looked up."""
        old, changed_at = self._old_secrets.get(channel.courier_uuid, ("", 0.0))
        is_good = bool(old) and self._seconds() - changed_at < SECRET_LASTS
        return [channel.secret, old] if is_good else [channel.secret]

    async def contact(
        self, chat: ChatKey, *, again: bool = False, asker: str | None = None
    ) -> Contact | None:
        """Whose chat this is, or None. With `again`, the answer is as of now, if it can be."""
        return await self._contacts.get(chat, again=again, asker=asker)

    async def user(self, user_id: int) -> User | None:
        """The active user, or None."""
        return await self._users.get(user_id)

    async def _find_channel(self, uuid: str) -> Channel | None:
        channel = await self._store.channel(uuid)
        self._note_secret(self._channels.remembered(uuid, SECRET_REMEMBERED), channel)
        return channel

    async def _find_courier_channel(self, name: tuple[str, bool]) -> Channel | None:
        uuid, external = name
        channel = await self._store.courier_channel(uuid, external=external)
        self._note_secret(self._courier_channels.remembered(name, SECRET_REMEMBERED), channel)
        return channel

    def _note_secret(self, known: Channel | None, channel: Channel | None) -> None:
        """Remember the secret that the channel had before."""
        if known and channel and known.secret != channel.secret:
            self._old_secrets[channel.courier_uuid] = known.secret, self._seconds()
            self._old_secrets.move_to_end(channel.courier_uuid)
            if len(self._old_secrets) > MOST_ANSWERS_KEPT:
                self._old_secrets.popitem(last=False)

    async def _find_contact(self, chat: ChatKey) -> Contact | None:
        channel = await self.channel(chat.channel_uuid)
        return await self._store.contact(channel, chat.chat_id) if channel else None


class _Cache(Generic[K, V]):
    """Answers to one kind of question. Only what was found is remembered.

    Asking `again` bypasses the cache; where it changes nothing, it counts as in vain. With
    `stale_ok` it does not, and what is remembered is the answer when the store does not give one.
    """

    def __init__(
        self,
        ask: Callable[[K], Awaitable[V | None]],
        seconds: Callable[[], float],
        vain: Buckets,
        absence: Absence,
        *,
        stale_ok: bool = False,
    ) -> None:
        self._ask = ask
        self._stale_ok = stale_ok
        self._seconds = seconds
        self._vain = vain
        most = max(IN_VAIN_PER_SECOND, vain.rate)
        self._all_in_vain = FailureBudget(most, most)
        self._known: OrderedDict[K, tuple[float, V]] = OrderedDict()
        self._asking: dict[K, list[Deferred[V | None]]] = {}
        self._absence = absence

    def remembered(self, key: K, seconds: float = math.inf) -> V | None:
        """What was found last, however long ago, or within so many seconds."""
        known = self._known.get(key)
        return known[1] if known and self._seconds() - known[0] < seconds else None

    async def get(self, key: K, *, again: bool = False, asker: str | None = None) -> V | None:
        known = self._known.get(key)
        if known and not again and self._seconds() - known[0] < FRESH_FOR:
            return known[1]
        try:
            if asker is not None and (again or known is None):
                return await self._look_up_for(asker, key)
            return await self._look_up(key)
        except Unavailable:
            if known is None or (again and not self._stale_ok):
                raise
            return known[1]

    async def _look_up_for(self, asker: str, key: K) -> V | None:
        """Ask for somebody who may ask in vain."""
        if key in self._asking:
            return await self._look_up(key)
        now = self._seconds()
        wait = self._all_in_vain.wait(asker, now)
        # Taken before the answer is known, since many may ask at once.
        if not wait and asker:
            wait = self._vain.take(asker, now)
        if wait:
            raise AskedInVain("too many lookups of what is not there", math.ceil(wait))
        known = self.remembered(key)
        in_vain = False
        try:
            value = await self._look_up(key)
            in_vain = value is None or (value == known and not self._stale_ok)
        finally:
            if in_vain:
                self._all_in_vain.failed(asker, self._seconds())
            elif asker:
                self._vain.give_back(asker)
        return value

    async def _look_up(self, key: K) -> V | None:
        """Ask, or wait for the answer of whoever is asking already."""
        if key not in self._asking:
            return await self._ask_once(key)
        waiter: Deferred[V | None] = Deferred()
        self._asking[key].append(waiter)
        return await waiter

    async def _ask_once(self, key: K) -> V | None:
        """Ask, tell all who wait for the same, and remember what was found."""
        waiters = self._asking[key] = []
        try:
            value = await self._ask(key)
        except BaseException as error:
            if isinstance(error, Unavailable):
                self._absence.failed()
            # Whoever asked may have lost patience. That is no reason for the others to do so, who
            # are told what they can be: that nobody knows.
            lost = isinstance(error, CancelledError)
            failure = Failure(Unavailable("the lookup was given up")) if lost else Failure()
            for waiter in self._done(key, waiters):
                waiter.errback(failure)
            raise
        self._absence.ended()
        if value is None:
            self._known.pop(key, None)
        else:
            self._known[key] = (self._seconds(), value)
            self._known.move_to_end(key)
            if len(self._known) > MOST_ANSWERS_KEPT:
                self._known.popitem(last=False)
        for waiter in self._done(key, waiters):
            waiter.callback(value)
        return value

    def _done(self, key: K, waiters: list[Deferred[V | None]]) -> list[Deferred[V | None]]:
        del self._asking[key]
        return waiters
