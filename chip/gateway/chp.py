"""Courier's webchat channels (type ``CHP``) over HTTP.

    POST http(s)://{domain}/c/chp/{channel}/receive      Content-Type: application/json

It owns what an answer means: whether it is Courier's or that of a proxy in between, and whether a
request without an answer can have arrived. What is done with events that fail is decided in
`chip.chat.outbound`. The JSON is in `chip.protocol.courier_receive`, HTTP in
`chip.gateway.http_client`.
"""

from collections.abc import Sequence
from typing import Any, Final, Literal
from urllib.parse import quote

from twisted.internet.defer import CancelledError
from twisted.internet.defer import TimeoutError as DeferredTimeout

from chip.chat.observer import Observer
from chip.chat.outbound.ports import CourierAnswer
from chip.gateway.http_client import HttpAnswer, HttpClient, never_sent
from chip.logs.network import in_words
from chip.models import NOBODYS_CHAT, Channel, SpoolEvent
from chip.protocol.courier_receive import (
    ReceiveAnswer,
    decode_answer,
    encode_chat_started,
    encode_receive,
)

MAX_SHOWN: Final = 200
"""Characters that are shown of where a redirect leads."""


class ChpGateway:
    """Courier at `domain` (``host[:port]``), by HTTPS if `tls`. Satisfies `ports.Gateway`.

    `connect_timeout` and `timeout` are in seconds; the latter is for the whole answer, and longer
    than Courier's own deadline of 30 s, so that Courier ends the request first. `observer` is told
    how each request ended and how many seconds it took.
    """

    def __init__(
        self,
        *,
        reactor: Any,
        domain: str,
        tls: bool,
        connect_timeout: float,
        timeout: float,
        parallel: int,
        observer: Observer | None = None,
    ) -> None:
        self._reactor = reactor
        self.base = f"{'https' if tls else 'http'}://{domain}/c/chp"
        """Where Courier takes what concerns these channels."""
        self._http = HttpClient(
            reactor,
            self.base,
            connections=parallel,
            connect_timeout=connect_timeout,
            timeout=timeout,
        )
        self._observer = observer or Observer()

    async def start_chat(self, channel: Channel, chat_id: str) -> CourierAnswer:
        """Have Courier make the contact of a new chat. Never raises."""
        return await self._ask(channel, encode_chat_started(chat_id, channel.secret), [None])

    async def post(
        self, channel: Channel, chat_id: str, events: Sequence[SpoolEvent]
    ) -> CourierAnswer:
        """Hand events to Courier in one request. Never raises."""
        return await self._ask(channel, encode_receive(chat_id, channel.secret, events), events)

    async def _ask(
        self, channel: Channel, body: bytes, events: Sequence[SpoolEvent | None]
    ) -> CourierAnswer:
        began = self._reactor.seconds()
        path = f"/{quote(channel.uuid)}/receive"
        try:
            said = await self._http.post(path, body, b"application/json")
        except Exception as problem:
            answer = _outcome_without_answer(problem)
        else:
            answer = _outcome_of(said, events)
        self._observer.courier(answer.kind, self._reactor.seconds() - began)
        return answer

    async def probe(self, channel: Channel) -> CourierAnswer:
        """Whether Courier takes what is said on this channel: a request without any event, which
        has no effect. Never raises."""
        return await self._ask(
            channel, encode_receive(NOBODYS_CHAT.chat_id, channel.secret, []), []
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


def _outcome_of(said: HttpAnswer, events: Sequence[SpoolEvent | None]) -> CourierAnswer:
    """What this answer says about `events`.

    Only Courier's JSON confirms. A 2xx with any other body is that of a proxy or a maintenance
    page, and does not say whether Courier has had the request.
    """
    status, answer = said.status, decode_answer(said.body)
    if answer and 200 <= status < 300 and answer.confirms(events):
        return CourierAnswer("handled", answer.heard, f"status {status}")
    if answer and status >= 500:
        return CourierAnswer("failed", detail=f"status {status} from Courier")
    if answer and status >= 400:
        if answer.is_about_the_channel:
            return CourierAnswer("channel_refused", detail=_channel_problem(status, answer))
        return CourierAnswer("refused", detail=f"status {status} from Courier")
    if 200 <= status < 300 or status in (502, 504):
        return CourierAnswer("unknown", detail=f"status {status}, and not in Courier's words")
    redirect = f", which leads to {said.location[:MAX_SHOWN]}" if said.location else ""
    return CourierAnswer("failed", detail=f"status {status}, not from Courier{redirect}")


def _channel_problem(status: int, answer: ReceiveAnswer) -> str:
    """Why Courier refuses the channel."""
    if answer.message != "Error":
        return f"status {status}: this Courier has no channels of type CHP"
    return ", ".join(answer.errors)


def _outcome_without_answer(problem: Exception) -> CourierAnswer:
    cause = next((reason.value for reason in getattr(problem, "reasons", ())), problem)
    if isinstance(cause, DeferredTimeout | CancelledError):
        return CourierAnswer("unknown", detail="no answer in time")
    kind: Literal["unsent", "unknown"] = "unsent" if never_sent(problem) else "unknown"
    return CourierAnswer(kind, detail=in_words(cause))
