"""What pages ask before a chat begins: ``/wc/availability/{channel}``.

    → GET /wc/availability/{channel}
    ← 200 {"hours":"Mon-Fri 09:00-17:00","zone":"Europe/Paris","usually":240}
    ← 404 no such channel
    ← 429 too many of those from this network, or too many requests from this address
    ← 503 database unreachable

What is not known is left out. Where Chip runs with RapidPro, that is all of it.
"""

from collections.abc import Awaitable, Callable
from math import ceil
from typing import Final

from chip.buckets import AddressBuckets
from chip.chat.server import ChatServer
from chip.errors import AskedInVain, Unavailable
from chip.limits import Limits
from chip.models import Availability
from chip.tasks import Clock
from chip.web.http.answers import (
    ANYBODY,
    GET_OR_HEAD,
    Answer,
    Header,
    answer_to,
    error_answer,
    json_answer,
    method_not_allowed,
)
from chip.web.http.request import Request

_CACHED: Final[Header] = (b"Cache-Control", b"public, max-age=60")


class AvailabilityHandler:
    """`find` says what is known of a channel that there is; None where nothing ever is. An address
    may ask as often as it may connect."""

    def __init__(
        self,
        clock: Clock,
        chat_server: ChatServer,
        limits: Limits,
        find: Callable[[str], Awaitable[Availability]] | None = None,
    ) -> None:
        self._clock = clock
        self._lookups = chat_server.lookups
        self._find = find
        self._rates = AddressBuckets(
            limits.connects_per_second, limits.connects_burst, limits.addresses_per_network
        )

    async def handle(self, request: Request, channel_uuid: str) -> Answer:
        """Answer a request for ``/wc/availability/{channel_uuid}``; any page may read it."""
        if request.method not in GET_OR_HEAD:
            return method_not_allowed(*GET_OR_HEAD)
        return (await self._answer(request, channel_uuid)).with_headers(ANYBODY)

    async def _answer(self, request: Request, channel_uuid: str) -> Answer:
        wait = self._rates.take(request.address, self._clock.seconds())
        if wait:
            return error_answer(429, "too many requests from this address", ceil(wait))
        try:
            channel = await self._lookups.channel(channel_uuid, asker=request.network)
            if channel is None:
                return error_answer(404, "no such channel")
            known = await self._find(channel_uuid) if self._find else Availability()
        except AskedInVain as error:
            return error_answer(429, str(error), error.retry_after)
        except Unavailable as error:
            return answer_to(error)
        return json_answer(known).with_headers(_CACHED)
