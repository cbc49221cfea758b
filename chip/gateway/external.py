"""Courier's contract for External channels (type EX): one event a request, as a form.

    POST http(s)://{domain}/c/ex/{channel}/receive       from=CHAT-ID&text=…
    POST http(s)://{domain}/c/ex/{channel}/delivered     id=MESSAGE        (or /failed)
    ← 200 {"message":"Message Accepted","data":[{"type":"msg","msg_uuid":"…"}]}
    ← 200 {"message":"Ignored","data":[{"type":"info"}]}      it is not stored
    ← 400 {"message":"Error","data":[{"type":"error","error":"…"}]}

Nothing but the channel's UUID says who posts. The contact is made by the first message.

A status names its message as Courier does when it sends one: by id up to 10.3.20, by uuid later.
Which one that is shows in the answer to a status; it is remembered for each channel.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal
from urllib.parse import urlencode

from chip.chat.outbound.ports import CourierAnswer, Habits
from chip.gateway.exchange import Courier, Judge
from chip.models import Channel, Incoming, Report, SpoolEvent
from chip.protocol.courier_receive import ReceiveAnswer

_FORM: Final = b"application/x-www-form-urlencoded"
NO_SENDER: Final = "must have one of 'sender' or 'from' set"
"""What Courier answers to a form without fields, if it has the channel."""
_EVENT_ERROR: Final = re.compile(
    f"{NO_SENDER}|invalid path component|invalid date format|invalid request: "
    "|parsing failed: |schema: |field 'id' required"
)


class ExternalGateway:
    """Courier, for External channels. Satisfies `ports.Gateway`."""

    habits = Habits(contact_at_start=False, events_at_once=1)

    def __init__(self, courier: Courier) -> None:
        self._courier = courier
        # Channels whose Courier names messages by their numbers.
        self._by_number: set[str] = set()

    async def start_chat(self, channel: Channel, chat_id: str) -> CourierAnswer:
        """Nothing is to be done. Never raises."""
        return CourierAnswer("handled")

    async def post(
        self, channel: Channel, chat_id: str, events: Sequence[SpoolEvent]
    ) -> CourierAnswer:
        """Hand the only event to Courier. Never raises."""
        (event,) = events
        if isinstance(event, Incoming):
            form = {"from": chat_id, "text": event.text}
            return await self._ask(channel, "receive", form, _stored)
        return await self._report(channel, event)

    async def probe(self, channel: Channel) -> CourierAnswer:
        """Whether Courier takes what is said on this channel: a form without fields, which has no
        effect. Never raises."""
        return await self._ask(channel, "receive", {}, _misses_a_sender)

    async def close(self) -> None:
        """Close the connections."""
        await self._courier.close()

    async def _report(self, channel: Channel, report: Report) -> CourierAnswer:
        uuid = channel.external_uuid
        names = {False: report.uuid, True: "" if report.id is None else str(report.id)}
        first = uuid in self._by_number
        answer = CourierAnswer("refused", detail="the message has no name")
        for by_number in (first, not first):
            if not names[by_number]:
                continue
            answer = await self._ask(channel, report.status, {"id": names[by_number]}, _noted)
            if answer.kind == "handled":
                (self._by_number.add if by_number else self._by_number.discard)(uuid)
            if answer.kind != "refused":
                break
        return answer

    async def _ask(
        self, channel: Channel, what: str, form: Mapping[str, str], judge: Judge
    ) -> CourierAnswer:
        path = f"/ex/{channel.courier_uuid}/{what}"
        return await self._courier.ask(path, urlencode(form).encode(), _FORM, judge)


def _stored(status: int, answer: ReceiveAnswer) -> Literal["handled", "declined"] | None:
    if status < 300 and answer.heard:
        return "handled"
    ignored = status < 300 and answer.message == "Ignored"
    return "declined" if ignored or _is_of_nothing_known(status, answer) else None


def _noted(status: int, answer: ReceiveAnswer) -> Literal["handled", "declined"] | None:
    if status < 300 and any(item.type == "status" for item in answer.data or ()):
        return "handled"
    return "declined" if _is_of_nothing_known(status, answer) else None


def _is_of_nothing_known(status: int, answer: ReceiveAnswer) -> bool:
    """Whether Courier refuses for a reason that is neither the event's nor the channel's: then it
    may be its own."""
    about_the_event = any(map(_EVENT_ERROR.match, answer.errors))
    return 400 <= status < 500 and not about_the_event and not answer.is_about_the_channel


def _misses_a_sender(status: int, answer: ReceiveAnswer) -> Literal["handled"] | None:
    return "handled" if NO_SENDER in answer.errors else None
