"""Courier's door: ``POST /wc/send/{channel}`` in HTTP.

Owns which HTTP status each outcome is. What is checked, in which order, is the heart's
(`chip.chat.inbound`). Courier fails a message for good on any 4xx and tries again on 5xx, so
whatever is unexpected here is a 503.

    ← 200 {"status":"queued"}
    ← 400, 404 {"error":"…"}    never again
    ← 429 {"error":"…"}         too many wrong secrets from this address; a right one always passes
    ← 503 {"error":"…"}         again later
"""

from math import ceil
from typing import Final, Protocol

from twisted.logger import Logger

from chip.chat.inbound import Inbound, WrongSecret
from chip.chat.observer import Observer
from chip.errors import Refused, Unavailable
from chip.limits import Buckets, Limits
from chip.tasks import Clock
from chip.web.addresses import Addresses
from chip.web.connect import Directory
from chip.web.http.answers import answer_error, answer_json
from chip.web.http.connection import Request

_QUEUED: Final = b'{"status":"queued"}'
_RETRY: Final = 5
"""Seconds after which a message that failed for an unknown reason may be tried again."""


class Courier(Protocol):
    """Who takes Courier's messages: the heart."""

    @property
    def lookups(self) -> Directory:
        """Where channels are looked up."""

    @property
    def inbound(self) -> Inbound:
        """What checks and stores a message."""


class Sends:
    """Answers Courier's requests."""

    _log = Logger()

    def __init__(
        self,
        clock: Clock,
        heart: Courier,
        limits: Limits,
        addresses: Addresses,
        observer: Observer | None = None,
    ) -> None:
        self._clock = clock
        self._heart = heart
        self._limits = limits
        self._addresses = addresses
        self._observer = observer or Observer()
        wrong = limits.wrong_secrets_per_minute
        self._wrong_secrets = Buckets(wrong / 60, wrong)

    async def handle(self, request: Request, channel_uuid: str) -> None:
        """Answer a request for ``/wc/send/{channel_uuid}``."""
        if request.method != b"POST":
            self._refuse(request, 405, "method not allowed", allow=b"POST")
            return
        try:
            await self._accept(request, channel_uuid)
        except WrongSecret as error:
            self._refuse_wrong_secret(request, channel_uuid, str(error))
        except Refused as error:
            self._refuse(request, error.status, str(error))
        except Unavailable as error:
            self._refuse(request, 503, str(error), error.retry_after)
        except Exception:
            self._log.failure("a send failed")
            self._refuse(request, 503, "something went wrong here", _RETRY)
        else:
            self._observer.send(200)
            answer_json(request, 200, _QUEUED)

    async def _accept(self, request: Request, channel_uuid: str) -> None:
        if not request.oversized:
            await self._heart.inbound.accept(channel_uuid, request.content.read())
        elif await self._heart.lookups.channel(channel_uuid) is None:
            raise Refused("no such channel")
        else:
            most = self._limits.post_bytes
            raise Refused(f"error reading request: body is larger than {most} bytes")

    def _refuse_wrong_secret(self, request: Request, channel_uuid: str, text: str) -> None:
        # Only failures count: guessing becomes slow, and Courier is never kept out by others.
        address = self._addresses.of(
            request.client, request.requestHeaders.getRawHeaders(b"X-Forwarded-For") or []
        )
        key = (address, channel_uuid)
        wait = self._wrong_secrets.take(key, self._clock.seconds()) if address else 0
        if wait:
            self._refuse(request, 429, "too many wrong secrets", ceil(wait))
        else:
            self._refuse(request, 400, text)

    def _refuse(
        self, request: Request, status: int, text: str, retry_after: int = 0, allow: bytes = b""
    ) -> None:
        self._observer.send(status)
        answer_error(request, status, text, retry_after, [(b"Allow", allow)] if allow else [])
