"""What Courier calls: ``POST /wc/send/{channel}`` in HTTP, and ``POST /wc/external``.

Owns which HTTP status each outcome is. What is checked, in which order, is `chip.chat.inbound`'s
business. Courier fails a message for good on any 4xx and tries again on 5xx, so whatever is
unexpected here is a 503.

    ← 200 {"status":"queued"}
    ← 400, 404 {"error":"…"}    never again
    ← 429 {"error":"…"}         the same as 400, to somebody who has sent many wrong secrets
    ← 503 {"error":"…"}         again later; so too when an address has asked in vain too often, or
                                sent too much without a right secret

On External channels a message is a form, its channel a field of that or the end of the path, and
the secret is the header ``Authorization``. There, the answer is never 429: some Couriers would try
again, others not.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import partial
from math import ceil
from typing import Final

from twisted.logger import Logger

from chip.buckets import Buckets, per_minute
from chip.chat.inbound import WrongSecret
from chip.chat.observer import Observer
from chip.chat.server import ChatServer
from chip.errors import Refused, Unavailable
from chip.limits import Limits
from chip.tasks import Clock
from chip.throttle import LogThrottle
from chip.web.http.answers import (
    Answer,
    answer_to,
    error_answer,
    json_answer,
    method_not_allowed,
)
from chip.web.http.request import Request

_QUEUED: Final = json_answer({"status": "queued"})
_FORM: Final = b"application/x-www-form-urlencoded"
_Accept = Callable[[], Awaitable[None]]
MOST_PROVEN: Final = 1000
"""Networks that are remembered for a right secret."""
_RETRY: Final = 5
"""Seconds after which a message that failed for an unknown reason may be tried again."""


class SendHandler:
    """Answers Courier's requests."""

    _log = Logger()

    def __init__(
        self,
        clock: Clock,
        chat_server: ChatServer,
        limits: Limits,
        observer: Observer | None = None,
    ) -> None:
        self._clock = clock
        self._chat_server = chat_server
        self._limits = limits
        self._observer = observer or Observer()
        self._throttle = LogThrottle(clock.seconds)
        self._unproven = Buckets(
            limits.unproven_bytes_per_second,
            max(limits.unproven_bytes_burst, limits.post_bytes),
        )
        # Networks from which a right secret came lately.
        self._proven: OrderedDict[str, None] = OrderedDict()
        self._wrong_secrets = Buckets(*per_minute(limits.wrong_secrets_per_minute))

    async def handle(self, request: Request, channel_uuid: str) -> Answer:
        """Answer a request for ``/wc/send/{channel_uuid}``."""
        return await self._handle(
            request, channel_uuid, lambda: self._accept(request, channel_uuid)
        )

    async def handle_external(self, request: Request, external_uuid: str) -> Answer:
        """Answer a request for ``/wc/external``, with the channel's own UUID where the path has it.
        That UUID is in no answer and no log."""
        return await self._handle(
            request, "", lambda: self._accept_external(request, external_uuid)
        )

    async def _handle(self, request: Request, channel_uuid: str, accept: _Accept) -> Answer:
        if request.method == b"POST":
            answer = await self._answer(request, channel_uuid, accept)
        else:
            answer = method_not_allowed(b"POST")
        self._observer.send(answer.status)
        return answer

    async def _answer(self, request: Request, channel_uuid: str, accept: _Accept) -> Answer:
        try:
            await accept()
        except WrongSecret as error:
            channel = channel_uuid or error.channel
            self._tell(channel, error, kind=channel)
            return self._wrong_secret(request, channel_uuid, error)
        except (Refused, Unavailable) as error:
            # Whatever was sent may stand behind these words.
            kind = " ".join(str(error).split()[:3])
            self._tell(channel_uuid or error.channel, error, kind=kind)
            return answer_to(error)
        except Exception:
            self._log.failure("a send failed")
            return error_answer(503, "something went wrong here", _RETRY)
        return _QUEUED

    def _tell(self, channel_uuid: str, error: Exception, *, kind: str) -> None:
        if times := self._throttle.times(kind):
            self._log.warn(
                "a send was refused: {reason}", reason=str(error), channel=channel_uuid, times=times
            )

    async def _accept(self, request: Request, channel_uuid: str) -> None:
        if not request.oversized:
            body, network = request.body(), request.network
            self._check_size(network, len(body))
            proven = partial(self._note_proof, network)
            await self._chat_server.inbound.accept(channel_uuid, body, network, proven)
            return
        lookups = self._chat_server.lookups
        if await lookups.channel(channel_uuid, asker=request.network) is None:
            raise Refused("no such channel")
        most = self._limits.post_bytes
        raise Refused(f"error reading request: body is larger than {most} bytes")

    async def _accept_external(self, request: Request, external_uuid: str) -> None:
        if request.oversized:
            raise Refused(f"the form is larger than {self._limits.post_bytes} bytes")
        body, network = request.body(), request.network
        self._check_size(network, len(body))
        content_type = (request.getHeader(b"Content-Type") or b"").partition(b";")[0]
        if content_type.strip().lower() != _FORM:
            raise Refused("the channel's content type must be URL Encoded")
        authorization = (request.getHeader(b"Authorization") or b"").decode(errors="replace")
        inbound, proven = self._chat_server.inbound, partial(self._note_proof, network)
        await inbound.accept_external(external_uuid, authorization, body, network, proven)

    def _check_size(self, network: str, size: int) -> None:
        """Reading JSON holds up everybody, and has to come before its secret is known to be right:
        so somebody who has shown no right one may send so much. Raises Unavailable."""
        if not network or network in self._proven:
            return
        wait = self._unproven.take(network, self._clock.seconds(), size)
        if wait:
            raise Unavailable("too much was sent without a right secret", ceil(wait))

    def _note_proof(self, network: str) -> None:
        self._proven[network] = None
        self._proven.move_to_end(network)
        if len(self._proven) > MOST_PROVEN:
            self._proven.popitem(last=False)

    def _wrong_secret(self, request: Request, channel_uuid: str, error: WrongSecret) -> Answer:
        # This keeps nobody from guessing: each secret is compared, so that a right one is never
        # refused. It tells guessing from a mistake, in the metrics and to whoever it is.
        wait: float = 0
        if request.address and channel_uuid:
            key = (request.address, channel_uuid)
            wait = self._wrong_secrets.take(key, self._clock.seconds())
        return error_answer(429, "too many wrong secrets", ceil(wait)) if wait else answer_to(error)
