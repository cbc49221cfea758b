"""Courier's contract for channels of type CHP: several events in one request, as JSON.

    POST http(s)://{domain}/c/chp/{channel}/receive      Content-Type: application/json

The JSON is in `chip.protocol.courier_receive`.
"""

from collections.abc import Sequence

from chip.chat.outbound.ports import BATCH, CourierAnswer, Habits
from chip.gateway.exchange import Courier, Judge
from chip.models import NOBODYS_CHAT, Channel, SpoolEvent
from chip.protocol.courier_receive import encode_chat_started, encode_receive


class ChpGateway:
    """Courier, for channels of type CHP. Satisfies `ports.Gateway`."""

    habits = Habits(contact_at_start=True, events_at_once=BATCH)

    def __init__(self, courier: Courier) -> None:
        self._courier = courier

    async def start_chat(self, channel: Channel, chat_id: str) -> CourierAnswer:
        """Have Courier make the contact of a new chat. Never raises."""
        return await self._ask(channel, encode_chat_started(chat_id, channel.secret), [None])

    async def post(
        self, channel: Channel, chat_id: str, events: Sequence[SpoolEvent]
    ) -> CourierAnswer:
        """Hand events to Courier in one request. Never raises."""
        return await self._ask(channel, encode_receive(chat_id, channel.secret, events), events)

    async def probe(self, channel: Channel) -> CourierAnswer:
        """Whether Courier takes what is said on this channel: a request without any event, which
        has no effect. Never raises."""
        body = encode_receive(NOBODYS_CHAT.chat_id, channel.secret, [])
        return await self._ask(channel, body, [])

    async def _ask(
        self, channel: Channel, body: bytes, events: Sequence[SpoolEvent | None]
    ) -> CourierAnswer:
        path = f"/chp/{channel.courier_uuid}/receive"
        return await self._courier.ask(path, body, b"application/json", handling(events))


def handling(events: Sequence[SpoolEvent | None]) -> Judge:
    """Judges whether each of `events` was handled. None stands for a ``chat_started``."""
    return lambda status, answer: "handled" if status < 300 and answer.confirms(events) else None
