"""Requests to Courier on behalf of a channel, by whichever secret it takes.

Courier remembers a channel for a minute. So after a secret was changed in RapidPro, it may want
the one before for a while; both are tried. It owns what follows when Courier refuses the channel
itself, which says nothing about the events: one request in a while asks again, all others wait,
and the operator is told, once in a while, which channel it is. So it is where RapidPro does not
have the channel.
"""

import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

from msgspec.structs import replace
from twisted.logger import Logger

from chip.chat.lookups import Lookups
from chip.chat.observer import Observer
from chip.chat.outbound.circuit import backoff
from chip.chat.outbound.circuits import Circuits
from chip.chat.outbound.ports import CourierAnswer
from chip.errors import Unavailable
from chip.models import Channel, ChatKey, SpoolEvent
from chip.throttle import Outage

MOST_REFUSED: Final = 1000
"""Refused channels that are remembered."""

CourierCall = Callable[[Channel], Awaitable[CourierAnswer]]


class _Refused(NamedTuple):
    """A channel that Courier refuses: how often in a row, and until when nobody asks, in seconds
    of the clock."""

    times: int
    until: float
    outage: Outage


class ChannelRequests:
    """What is sent to Courier, channel by channel."""

    _log = Logger()

    def __init__(
        self,
        circuits: Circuits,
        lookups: Lookups,
        seconds: Callable[[], float],
        observer: Observer,
    ) -> None:
        self._circuits = circuits
        self._lookups = lookups
        self._seconds = seconds
        self._observer = observer
        self._refused: dict[str, _Refused] = {}

    async def start_chat(self, channel: Channel, chat: ChatKey) -> CourierAnswer:
        """Have Courier make the contact of a new chat. Never raises."""
        return await self._ask(
            channel, lambda known: self._circuits.of(known).start_chat(known, chat)
        )

    async def post(
        self, channel: Channel, chat: ChatKey, events: Sequence[SpoolEvent], until: float
    ) -> CourierAnswer:
        """Hand events to Courier; nothing is sent after `until`, in seconds of the clock. Never
        raises."""
        return await self._ask(
            channel, lambda known: self._circuits.of(known).post(known, chat, events), until
        )

    def note_missing(self, channel_uuid: str) -> None:
        """RapidPro has no such channel any more, or not now: Courier need not be asked. Of all who
        find it out together, the first counts."""
        if not self.wait(channel_uuid):
            self._put_off(channel_uuid, "RapidPro has no such channel", self._missing)

    def wait(self, channel_uuid: str) -> float:
        """Seconds until it is tried again on a channel that is refused; 0 for now."""
        refused = self._refused.get(channel_uuid)
        return max(0.0, refused.until - self._seconds()) if refused else 0.0

    async def _ask(
        self, channel: Channel, request: CourierCall, until: float = math.inf
    ) -> CourierAnswer:
        if self.wait(channel.uuid):
            return CourierAnswer("channel_refused", detail="Courier refuses the channel")
        refused = self._refused.get(channel.uuid)
        if refused and refused.times:
            # This one finds out; the others go on waiting.
            next_look = self._seconds() + backoff(refused.times)
            self._refused[channel.uuid] = refused._replace(until=next_look)
        answer = await request(channel)
        if answer.kind == "channel_refused":
            answer = await self._ask_with_other_secrets(channel, request, answer, until)
        if answer.kind == "channel_refused":
            self._put_off(channel.uuid, answer.detail, self._refusing)
            self._observer.channel_refused(channel.uuid)
        elif answer.kind in ("handled", "refused"):
            self._note_acceptance(channel.uuid)
        return answer

    async def _ask_with_other_secrets(
        self, channel: Channel, request: CourierCall, answer: CourierAnswer, until: float
    ) -> CourierAnswer:
        try:
            secrets = await self._lookups.secrets(channel)
        except Unavailable:
            return answer
        for secret in secrets:
            if answer.kind != "channel_refused" or self._seconds() > until:
                break
            if secret != channel.secret:
                answer = await request(replace(channel, secret=secret))
        return answer

    def _put_off(self, channel_uuid: str, reason: str, new_outage: Callable[[], Outage]) -> None:
        refused = self._refused.pop(channel_uuid, None)
        times = refused.times if refused else 0
        outage = refused.outage if refused else new_outage()
        outage.failed(reason, channel=channel_uuid)
        until = self._seconds() + backoff(times)
        self._refused[channel_uuid] = _Refused(times + 1, until, outage)
        if len(self._refused) > MOST_REFUSED:
            del self._refused[next(iter(self._refused))]

    def _note_acceptance(self, channel_uuid: str) -> None:
        refused = self._refused.get(channel_uuid)
        if refused and refused.times:
            refused.outage.worked(channel=channel_uuid)
            # Kept for its outage: a channel that is taken and refused in turn has a line a minute.
            self._refused[channel_uuid] = refused._replace(times=0, until=0.0)

    def _refusing(self) -> Outage:
        begins, ends = "Courier refuses a channel: {reason}", "Courier takes a channel again"
        return Outage(self._log, begins, ends, self._seconds)

    def _missing(self) -> Outage:
        begins = "what waits for Courier on a channel cannot go: {reason}"
        return Outage(self._log, begins, "it can go again", self._seconds)
