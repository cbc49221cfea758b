"""A circuit breaker in front of a Courier.

It owns how many requests may be under way at once: most of them for the forwarder, some kept for
new chats, whose visitors are waiting. After a run of failures across several chats the circuit is
*open*: one request at a time, twice a second at most, probes whether Courier is back, and the first
that is answered closes it.
"""

import random
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final, cast

from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.logger import Logger

from chip.chat.outbound.ports import POST_WITHIN, CourierAnswer, Gateway
from chip.models import Channel, ChatKey, SpoolEvent
from chip.tasks import Clock, Semaphore
from chip.throttle import Outage

FAILURES_TO_TRIP: Final = 5
"""Failures in a row that open the circuit, if they are of enough chats."""
CHATS_TO_TRIP: Final = 3
"""Chats that must be among those failures: of one alone, an event may be to blame."""
SHORTEST_BACKOFF: Final = 0.5
"""Seconds: the shortest wait before another try."""
LONGEST_BACKOFF: Final = 30.0
"""Seconds: the longest wait before another try."""
PROBE_EVERY: Final = 0.5
"""Seconds between two requests while the circuit is open."""
ROOM_WITHIN: Final = 10.0
"""Seconds that a new chat waits for its turn. Its visitor has lost patience by then, and the turns
of those who have left would be taken from those who are still there."""


def backoff(tries: int) -> float:
    """Seconds to wait after so many failed tries: full jitter, so that chats do not try
    at the same time."""
    longest = min(LONGEST_BACKOFF, SHORTEST_BACKOFF * 2 ** min(tries, 10))
    return random.uniform(SHORTEST_BACKOFF, longest)  # noqa: S311 - jitter needs no secrecy


class CircuitBreaker:
    """Requests to Courier, counted. The log names its `host`, if given. With `room`, so many posts
    go to it at once, and more wait for a moment; else whoever posts sees to that."""

    _log = Logger()

    def __init__(
        self,
        gateway: Gateway,
        parallel: int,
        clock: Clock,
        *,
        host: str = "",
        room: int | None = None,
    ) -> None:
        self._gateway = gateway
        self._prefix = f"{host}: " if host else ""
        self._clock = clock
        self._failures = 0
        self._failing: set[ChatKey] = set()
        self._under_way = 0
        self._probe_at = 0.0
        self._outage = Outage(
            self._log,
            "Courier does not take a request: {reason}",
            "Courier takes requests again",
            clock.seconds,
        )
        self._opened = Outage(
            self._log,
            "the circuit to Courier is open: {reason}",
            "the circuit to Courier is closed again",
            clock.seconds,
        )
        starts = max(1, parallel // 4)
        self._for_starts = Semaphore(starts)
        # Both kinds take turns where there is a single place.
        self._for_all = Semaphore() if parallel == 1 else None
        self._for_posts = Semaphore(room) if room else self._for_all
        self.for_forwarding = max(1, parallel - starts)
        """Chats that may be forwarded at once while the circuit is closed."""

    @property
    def is_open(self) -> bool:
        """Whether Courier seems to be away."""
        return self._failures >= FAILURES_TO_TRIP and len(self._failing) >= CHATS_TO_TRIP

    @property
    def trouble(self) -> str:
        """Why Courier did not take the last request; ``""`` when it did."""
        return self._outage.reason

    @property
    def may_probe(self) -> bool:
        """Whether nothing is under way that will tell whether Courier is back, nor was a moment
        ago."""
        return self._under_way == 0 and self._clock.seconds() >= self._probe_at

    @property
    def retry_after(self) -> int:
        """Seconds after which a visitor may try again."""
        return 10 if self.is_open else 3

    async def start_chat(self, channel: Channel, chat: ChatKey) -> CourierAnswer:
        """Tell Courier of a new chat, as soon as there is room; ``unsent`` when there is none."""
        if not await self._turn(self._for_starts, ROOM_WITHIN):
            return CourierAnswer("unsent", detail="too many new chats are waiting")
        request = partial(self._gateway.start_chat, channel, chat.chat_id)
        try:
            return await self._ask(chat, request, self._for_all, ROOM_WITHIN)
        finally:
            self._for_starts.release()

    async def post(
        self, channel: Channel, chat: ChatKey, events: Sequence[SpoolEvent]
    ) -> CourierAnswer:
        """Hand events to Courier. While the circuit is open and probed, ``unsent`` at once."""
        request = partial(self._gateway.post, channel, chat.chat_id, events)
        return await self._ask(chat, request, self._for_posts, POST_WITHIN)

    async def _ask(
        self,
        chat: ChatKey,
        request: Callable[[], Awaitable[CourierAnswer]],
        room: Semaphore | None,
        seconds: float,
    ) -> CourierAnswer:
        if room is None or self.is_open:
            return await self._guard(chat, request)
        if not await self._turn(room, seconds):
            return CourierAnswer("unsent", detail="too much is under way")
        try:
            return await self._guard(chat, request)
        finally:
            room.release()

    async def _turn(self, room: Semaphore, seconds: float) -> bool:
        """Take a place, if there is one within so many seconds."""
        turn = room.acquire()
        if not turn.called:
            turn.addTimeout(seconds, cast(Any, self._clock))
        try:
            await turn
        except DeferredTimeout:
            return False
        return True

    async def _guard(
        self, chat: ChatKey, request: Callable[[], Awaitable[CourierAnswer]]
    ) -> CourierAnswer:
        if self.is_open:
            if not self.may_probe:
                return CourierAnswer("unsent", detail="the circuit is open")
            self._probe_at = self._clock.seconds() + PROBE_EVERY
        self._under_way += 1
        try:
            answer = await request()
        finally:
            self._under_way -= 1
        if answer.kind in ("handled", "declined", "refused", "channel_refused"):
            self._worked()
        else:
            self._failed(chat, answer)
        return answer

    def _worked(self) -> None:
        self._failures = 0
        self._failing.clear()
        self._opened.worked()
        self._outage.worked()

    def _failed(self, chat: ChatKey, answer: CourierAnswer) -> None:
        self._failures += 1
        if len(self._failing) < CHATS_TO_TRIP:
            self._failing.add(chat)
        reason = self._prefix + answer.detail
        self._outage.failed(reason, channel=chat.channel_uuid)
        if self.is_open:
            self._opened.failed(reason)
