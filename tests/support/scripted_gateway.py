"""A Courier that answers as the test tells it, in place of the gateway that posts to one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from twisted.internet.defer import Deferred

from chip.chat.outbound.ports import AnswerKind, CourierAnswer, Habits
from chip.gateway.chp import ChpGateway
from chip.gateway.external import ExternalGateway
from chip.models import Channel, Contact, Incoming, Report, SpoolEvent
from tests.support.memory_store import MemoryStore


@dataclass
class Request:
    """One request to Courier: what it held, and how to answer it."""

    channel: Channel
    chat_id: str
    events: Sequence[SpoolEvent]
    answer: Deferred[CourierAnswer]

    @property
    def texts(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Incoming)]

    @property
    def reports(self) -> list[Report]:
        return [event for event in self.events if isinstance(event, Report)]

    def handle(self, *heard: str) -> None:
        """Courier took it, and made messages with these uuids."""
        self.answer.callback(CourierAnswer("handled", list(heard), "status 200"))

    def fail(
        self, kind: AnswerKind, detail: str = "a test's word", *, may_have_arrived: bool = False
    ) -> None:
        """It ended in one of the other ways of `CourierAnswer`."""
        self.answer.callback(CourierAnswer(kind, (), detail, may_have_arrived))


class ScriptedGateway:
    """Courier, as the test plays it: requests wait in `requests` until the test answers.

    With a `store`, contacts are made as Courier makes them, and a chat's start is answered at
    once; `starts_fail` answers it with 5xx instead, `starts_need` refuses any other secret.
    """

    def __init__(self, store: MemoryStore | None = None) -> None:
        self.store = store
        self.requests: list[Request] = []
        self.starts: list[str] = []
        self.starts_fail = False
        self.starts_need = ""

    def habits(self, channel: Channel) -> Habits:
        return ExternalGateway.habits if channel.external_uuid else ChpGateway.habits

    async def start_chat(self, channel: Channel, chat_id: str) -> CourierAnswer:
        if self.store is None:
            return await self.post(channel, chat_id, [])
        self.starts.append(chat_id)
        if self.starts_fail:
            return CourierAnswer("failed", detail="status 500 from Courier")
        if self.starts_need not in ("", channel.secret):
            return CourierAnswer("channel_refused", detail="secret incorrect")
        contact_id = 1000 + len(self.starts)
        self.store.contacts[channel.org_id, chat_id] = Contact(contact_id, contact_id, chat_id)
        return CourierAnswer("handled", detail="status 200")

    async def post(
        self, channel: Channel, chat_id: str, events: Sequence[SpoolEvent]
    ) -> CourierAnswer:
        request = Request(channel, chat_id, events, Deferred())
        self.requests.append(request)
        return await request.answer

    def take(self) -> Request:
        """The one request that waits."""
        (request,) = self.requests
        self.requests.clear()
        return request
