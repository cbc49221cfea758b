"""One request to Courier, and what its answer means.

It owns what an answer means: whether it is Courier's or that of a proxy in between, and whether a
request without an answer can have arrived. What is asked is the business of the contracts (`chp`,
`external`); what is done with events that fail is decided in `chip.chat.outbound`. HTTP is in
`chip.gateway.http_client`.
"""

from collections.abc import Callable
from typing import Any, Final, Literal

from twisted.internet.defer import TimeoutError as DeferredTimeout

from chip.chat.observer import Observer
from chip.chat.outbound.ports import CourierAnswer
from chip.gateway.http_agent import Unreachable
from chip.gateway.http_client import HttpAnswer, HttpClient
from chip.logs.network import in_words
from chip.protocol.courier_receive import ReceiveAnswer, decode_answer

MAX_SHOWN: Final = 200
"""Characters that are shown of where a redirect leads."""

Judge = Callable[[int, ReceiveAnswer], Literal["handled", "declined"] | None]
"""What Courier's status and words say of what it was asked, if that is one of these."""


class Courier:
    """Courier at `base`, the URL of what it takes from channels.

    `connect_timeout` and `timeout` are in seconds; the latter is for the whole answer, and longer
    than Courier's own deadline of 30 s, so that Courier ends the request first. `observer` is told
    how each request ended and how many seconds it took.
    """

    def __init__(
        self,
        base: str,
        *,
        reactor: Any,
        connect_timeout: float,
        timeout: float,
        parallel: int,
        observer: Observer | None = None,
    ) -> None:
        self._reactor = reactor
        self.base = base
        self._http = HttpClient(
            reactor, base, connections=parallel, connect_timeout=connect_timeout, timeout=timeout
        )
        self._observer = observer or Observer()

    async def ask(self, path: str, body: bytes, content_type: bytes, judge: Judge) -> CourierAnswer:
        """What became of a request to `path`, which begins with the channel's type."""
        began = self._reactor.seconds()
        try:
            said = await self._http.post(path, body, content_type)
        except Exception as problem:
            answer = _outcome_without_answer(problem)
        else:
            answer = outcome_of(said, judge, path.split("/")[1].upper())
        self._observer.courier(answer.kind, self._reactor.seconds() - began)
        return answer

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


def outcome_of(said: HttpAnswer, judge: Judge, channel_type: str) -> CourierAnswer:
    """What an answer says about what was asked on a channel of this type.

    Only Courier's JSON confirms. A 2xx with any other body is that of a proxy or a maintenance
    page, and does not say whether Courier has had the request. Nor does a proxy's 5xx: some say 503
    where Courier is not there, and where it hung up on them; what they say from 520 on is of their
    own making.
    """
    status, answer = said.status, decode_answer(said.body)
    if answer and status >= 400 and not answer.is_a_refusal:
        answer = None
    if answer and (kind := judge(status, answer)):
        return CourierAnswer(kind, answer.heard, f"status {status}, {answer.message}")
    if answer and status >= 500:
        return CourierAnswer("failed", detail=f"status {status} from Courier")
    if answer and status >= 400:
        if answer.is_about_the_channel:
            return CourierAnswer(
                "channel_refused", detail=_channel_problem(status, answer, channel_type)
            )
        return CourierAnswer("refused", detail=f"status {status} from Courier")
    if 200 <= status < 300 or status in (502, 504) or status >= 520:
        return CourierAnswer("unknown", detail=f"status {status}, and not in Courier's words")
    redirect = f", which leads to {said.location[:MAX_SHOWN]}" if said.location else ""
    detail = f"status {status}, not from Courier{redirect}"
    return CourierAnswer("failed", detail=detail, may_have_arrived=status >= 500)


def _channel_problem(status: int, answer: ReceiveAnswer, channel_type: str) -> str:
    """Why Courier refuses the channel."""
    if answer.message != "Error":
        return f"status {status}: this Courier has no channels of type {channel_type}"
    return ", ".join(answer.errors)


def _outcome_without_answer(problem: Exception) -> CourierAnswer:
    if isinstance(problem, Unreachable):
        return CourierAnswer("unsent", detail=in_words(problem.cause))
    if isinstance(problem, DeferredTimeout):
        return CourierAnswer("unknown", detail="no answer in time")
    return CourierAnswer("unknown", detail=in_words(problem))
