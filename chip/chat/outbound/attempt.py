"""One attempt to hand a chat's oldest events to Courier, and what its outcome means.

    too old? ──────────────► rejected
    may have arrived? ─────► ask the database which have, remove those
    the same text again? ──► not yet
    otherwise ─────────────► post: as many as may go together
        handled ──► remove them                refused, alone ──► rejected
        the channel is refused ──► later, whatever the events are
        refused or failed, several ──► ask the database, then one by one
        failed, unsent ──► again later         unknown ──► later, and ask the database first
        unknown, reports alone ──► again later
        failed at a proxy ──► ask the database, then again later

Rejected events leave the spool and the visitor is told. Everything else stays until it is handled.
This module keeps nothing about any chat: the spool does. It settles nothing: the forwarder does.
"""

from collections.abc import Callable, Sequence
from typing import Final

from twisted.logger import Logger

from chip.chat.hops import HOPS
from chip.chat.lookups import Lookups
from chip.chat.observer import Observer
from chip.chat.outbound.arrivals import Arrivals
from chip.chat.outbound.channel_requests import ChannelRequests
from chip.chat.outbound.circuit import backoff
from chip.chat.outbound.circuits import Circuits
from chip.chat.outbound.keeper import Keeper
from chip.chat.outbound.ports import (
    CLAIM_TRUSTED,
    COURIER_DEADLINE,
    Batch,
    CourierAnswer,
    Habits,
    Outcome,
)
from chip.chat.outbound.report_names import ReportNames
from chip.chat.outbound.same_text import (
    SAME_TEXT_HOLD,
    digest,
    hold_of,
    how_many_together,
    texts_of,
    was_dropped,
)
from chip.chat.outbound.successes import Successes
from chip.chat.ports import Live
from chip.errors import Unavailable
from chip.models import Channel, ChatKey, Incoming, SpoolEvent
from chip.protocol.events import Error, encode_event
from chip.throttle import LogThrottle

SURELY_DROPPED: Final = 1.5
"""Seconds within which Courier drops the same text, unless a flow answers as fast: its memory lasts
2 to 4."""
ALONE_FOR: Final = 3_600_000
"""Milliseconds after which an event that fails is given up, if others have succeeded throughout. It
may have failed for long because everybody's did."""
DATABASE_AWAY: Final = 3000
"""Milliseconds until the database is asked again what has arrived."""


class Attempts:
    """Attempts, one batch at a time."""

    _log = Logger()

    def __init__(
        self,
        *,
        arrivals: Arrivals,
        live: Live,
        lookups: Lookups,
        report_names: ReportNames,
        requests: ChannelRequests,
        circuits: Circuits,
        habits: Callable[[Channel], Habits],
        keeper: Keeper,
        seconds: Callable[[], float],
        max_age_hours: float,
        observer: Observer,
    ) -> None:
        self._observer = observer
        self._arrivals = arrivals
        self._live = live
        self._lookups = lookups
        self._report_names = report_names
        self._requests = requests
        self._circuits = circuits
        self._habits = habits
        self._keeper = keeper
        self._seconds = seconds
        self._throttle = LogThrottle(seconds)
        self._max_age = max_age_hours * 3_600_000
        self._successes = Successes(seconds)

    async def make(self, batch: Batch) -> Outcome:
        """Do what is to be done with `batch`. Says how that ended; changes nothing in the spool.

        Never raises: nobody would work on the chat any more.
        """
        try:
            return await self._make(batch)
        except Exception:
            self._log.failure("an attempt failed", chat=batch.chat.label)
            delay = COURIER_DEADLINE * 1000
            return Outcome(
                failed=True, unknown=len(batch.entries), delay=delay, reason="internal error"
            )

    async def _make(self, batch: Batch) -> Outcome:
        if batch.unknown:
            return await self._find_out(batch, batch.unknown)
        expired = sum(entry.age > self._max_age for entry in batch.entries)
        if expired:
            return _rejected(expired, "it waited too long")
        hold = hold_of(batch)
        if hold:
            return Outcome(delay=hold, reason="the same text was sent a moment ago")
        return await self._post(batch)

    async def tell_rejected(self, batch: Batch, outcome: Outcome) -> None:
        """Tell the visitor what was rejected, once `outcome` is settled."""
        for event, _ in batch.entries[: outcome.rejected]:
            self._warn("events for Courier were rejected: {reason}", batch.chat, outcome.reason)
            if isinstance(event, Incoming):
                self._observer.message("visitor", batch.chat.channel_uuid, "rejected")
                told = Error("rejected", "the message was refused", "send_msg", event.ref)
                await self._live.tell(batch.chat, encode_event(told))

    def _warn(self, message: str, chat: ChatKey, reason: str) -> None:
        if times := self._throttle.times(f"{message} {chat.channel_uuid} {reason}"):
            self._log.warn(
                message,
                reason=reason,
                channel=chat.channel_uuid,
                chat=chat.label,
                times=times,
            )

    async def _post(self, batch: Batch) -> Outcome:
        chat = batch.chat
        if self._requests.wait(chat.channel_uuid):
            return self._channel_away(batch, "the channel is refused")
        try:
            channel = await self._lookups.channel(chat.channel_uuid)
        except Unavailable:
            return Outcome(delay=DATABASE_AWAY, reason="the channel cannot be looked up")
        if channel is None:
            self._requests.note_missing(chat.channel_uuid)
            return self._channel_away(batch, "no such channel")
        count = how_many_together(batch, self._habits(channel).events_at_once)
        events = [entry.event for entry in batch.entries[:count]]
        sent = await self._report_names.completed(channel, chat, events)
        began, until = self._seconds(), batch.asked_at + CLAIM_TRUSTED
        if began > until:
            # Settling finds out whether the chat is still ours, and claims it anew then.
            return Outcome(reason="the claim is too old")
        HOPS.tell("posted", chat, sent)
        answer = await self._requests.post(channel, chat, sent, until)
        HOPS.tell("answered", chat, sent, answer.kind, answer.detail)
        if self._circuits.of(channel).is_open:
            self._successes.forget(channel.uuid)
        return await self._conclusion(batch, channel, sent, answer, self._seconds() - began)

    async def _conclusion(
        self,
        batch: Batch,
        channel: Channel,
        sent: Sequence[SpoolEvent],
        answer: CourierAnswer,
        took: float,
    ) -> Outcome:
        """What `answer`, which took so many seconds, means for the events that were sent."""
        chat, count = batch.chat, len(sent)
        match answer.kind:
            case "handled":
                self._successes.note(channel.uuid)
                if not await self._keeper.keep(channel, chat, sent, answer.heard):
                    reason = "what Courier has confirmed cannot be kept"
                    return Outcome(unknown=count, delay=DATABASE_AWAY, reason=reason)
                texts = texts_of(sent)
                last_text = digest(texts[-1]) if texts else ""
                if was_dropped(batch, answer, last_text):
                    reason = "Courier took it for the same text said before"
                    delay = SAME_TEXT_HOLD
                    return Outcome(
                        remove=count - 1, last_text=last_text, delay=delay, reason=reason
                    )
                last_confirmed = answer.heard[-1] if answer.heard else ""
                return Outcome(remove=count, last_confirmed=last_confirmed, last_text=last_text)
            case "unknown" if texts_of(sent):
                self._tell_of_doubt(chat, answer)
                later = await self._arrivals.doubted(chat)
                if channel.courier and took < SURELY_DROPPED and not batch.tries:
                    # Nobody can be asked; but Courier drops what it has, and says what it is.
                    return Outcome(failed=True, reason=answer.detail)
                left = max(0.0, COURIER_DEADLINE - took) + later
                delay = int(left * 1000)
                return Outcome(failed=True, unknown=count, delay=delay, reason=answer.detail)
            case "refused" | "failed" if count > 1 or (answer.may_have_arrived and texts_of(sent)):
                self._tell_of_doubt(chat, answer)
                return await self._find_out(batch, count, answer.detail)
            case "declined":
                self._warn("Courier does not store a message: {reason}", chat, answer.detail)
                return self._again_later(batch, answer.detail)
            case "refused":
                return _rejected(1, answer.detail)
            case "channel_refused":
                return self._channel_away(batch, answer.detail)
            case _:  # reports may be made twice, so there is nothing to find out about them
                return self._again_later(batch, answer.detail, seen=answer.kind != "unsent")

    def _channel_away(self, batch: Batch, reason: str) -> Outcome:
        """The channel is refused, or is not there, which may be over in a minute: the events are
        not to blame, and wait for as long as any may."""
        wait = self._requests.wait(batch.chat.channel_uuid)
        return Outcome(delay=int((wait + backoff(0)) * 1000), reason=reason)

    def _again_later(self, batch: Batch, reason: str, *, seen: bool = True) -> Outcome:
        """Nothing has arrived that may not come twice; try again. But one event shall not
        block a chat for ever, unless Courier has not `seen` it: then it is not to blame."""
        alone = self._successes.lasting(batch.chat.channel_uuid) * 1000
        if seen and min(batch.failing_for, alone) >= ALONE_FOR:
            return _rejected(1, f"it failed for an hour: {reason}")
        self._log.debug(
            "Courier did not take an event: {reason}",
            chat=batch.chat.label,
            tries=batch.tries + 1,
            reason=reason,
        )
        return Outcome(failed=True, delay=int(backoff(batch.tries) * 1000), reason=reason)

    async def _find_out(
        self, batch: Batch, count: int, otherwise: str = "it has not arrived"
    ) -> Outcome:
        """Which of the first `count` events have arrived? While nobody can say, nothing is sent.
        `otherwise` is why they are sent again if none has."""
        try:
            arrived, last_confirmed = await self._arrivals.of(batch, count)
        except Unavailable as error:
            return Outcome(unknown=count, delay=DATABASE_AWAY, reason=str(error))
        if not arrived:
            return self._again_later(batch, otherwise)
        # Courier may have taken the last of them only a moment ago, and hold the next against it.
        return Outcome(
            remove=arrived,
            last_confirmed=last_confirmed,
            last_text=digest(texts_of([entry.event for entry in batch.entries[:arrived]])[-1]),
            failed=True,
            reason="it had arrived",
        )

    def _tell_of_doubt(self, chat: ChatKey, answer: CourierAnswer) -> None:
        self._log.debug(
            "what became of events for Courier is not known yet: {reason}",
            chat=chat.label,
            reason=answer.detail,
        )


def _rejected(count: int, reason: str) -> Outcome:
    return Outcome(remove=count, rejected=count, reason=reason)
