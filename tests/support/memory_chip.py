"""A server on parts in memory, with visitors and a Courier that the test plays.

chip = MemoryChip()
visitor = chip.visitor()
visitor.says({"type": "start_chat"})
assert visitor.hears() == [{"type": "chat_started", "chat_id": visitor.chat_id}]
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from chip.chat.observer import Observer
from chip.chat.server import ChatServer
from chip.limits import Limits
from chip.models import Channel, ChatKey, Contact, MsgIn, User
from chip.protocol.times import parse_time
from tests.support.memory_archive import MemoryArchive
from tests.support.memory_queue import MemoryQueues
from tests.support.memory_store import MemoryStore
from tests.support.scripted_gateway import ScriptedGateway

CHANNEL = Channel(uuid="7d62d551-3030-4100-a260-2d7c4e9693e7", org_id=1, secret="sesame")
BOB = Contact(id=234, urn_id=567, chat_id="65vbbDAQCdPdEWlEhDGy4utO")
AGENT = User(id=7, email="bob@example.com", name="Bob McTickets")
NOON = 1_714_564_800.0  # 2024-05-01T12:00:00Z


def result_of(work: Any) -> Any:
    """What a coroutine returned, or raise what it raised. It must be done."""
    outcome: list[Any] = []
    Deferred.fromCoroutine(work).addBoth(outcome.append)
    assert outcome, "it is still waiting for something"
    if isinstance(outcome[0], Failure):
        outcome[0].raiseException()
    return outcome[0]


class MemoryChip:
    """One server's worth of queues and a database, and processes on them. With `reconciles`,
    outboxes have back from the database what they have lost."""

    def __init__(
        self, *, observer: Observer | None = None, reconciles: bool = False, **limits: Any
    ) -> None:
        self.observer = observer
        self.reconciles = reconciles
        self.clock = Clock()
        self.clock.advance(NOON)
        self.limits = Limits(**limits)
        self.store = MemoryStore(self.clock.seconds)
        self.store.channels[CHANNEL.uuid] = CHANNEL
        self.store.contacts[1, BOB.chat_id] = BOB
        self.store.users[AGENT.id] = AGENT
        self.archive = MemoryArchive(self.store, self.clock)
        self.queues = MemoryQueues(self.clock, self.limits)
        self.gateway = ScriptedGateway(self.store)
        self.queue = self.queues.process()
        self.server = self.process(self.queue)

    def process(self, queue: Any = None) -> ChatServer:
        """Another Chip on the same server and database."""
        server = ChatServer(
            store=self.store,
            queue=queue or self.queues.process(),
            gateway=self.gateway,
            limits=self.limits,
            clock=self.clock,
            now=self.clock.seconds,
            observer=self.observer,
            archive=self.archive,
            sent_messages=self.store if self.reconciles else None,
        )
        result_of(server.start())
        return server

    def visitor(
        self,
        server: ChatServer | None = None,
        address: str = "203.0.113.9",
        channel: Channel = CHANNEL,
    ) -> Visitor:
        """Somebody has opened a connection."""
        return Visitor(server or self.server, address, channel)

    def bob_again(self, server: ChatServer | None = None) -> Visitor:
        """Bob is back in his chat, and has heard nothing yet."""
        visitor = self.visitor(server)
        visitor.says({"type": "start_chat", "chat_id": BOB.chat_id})
        return visitor

    def bob(self, server: ChatServer | None = None) -> Visitor:
        """Bob is back in his chat, and has heard that."""
        visitor = self.bob_again(server)
        assert visitor.hears()[0]["type"] == "chat_resumed"
        return visitor

    def send(self, msg_id: int = 10, text: str = "Hi", **more: Any) -> None:
        """Courier hands over a message for Bob. Raises what the server raises."""
        msg = {"id": msg_id, "text": text, "origin": "flow", **more.pop("msg", {})}
        body = {"chat_id": BOB.chat_id, "secret": "sesame", "msg": msg, **more}
        result_of(self.server.inbound.accept(CHANNEL.uuid, msgspec.json.encode(body)))

    def knows_message(self, msg_id: int, uuid: str, time: str, contact: Contact = BOB) -> None:
        """An outgoing message to Bob is in the database."""
        self.store.sent(contact.id, "Hi", parse_time(time), uuid, msg_id, origin="flow")

    def courier_has(self, *texts: str, contact: Contact = BOB) -> None:
        """These messages of Bob's are in the database, whatever Courier answered."""
        for text in texts:
            heard = [row for row in self.store.messages if isinstance(row.shown, MsgIn)]
            at = datetime.fromtimestamp(self.clock.seconds(), UTC)
            self.store.said(contact.id, text, at, f"uuid-{len(heard) + 1}")

    def waiting(self, chat: ChatKey) -> list[Any]:
        """What waits for Courier: the texts of messages, and reports."""
        return [getattr(event, "text", event) for _, event in self.queues.chats[chat].spool]

    def stop(self) -> None:
        """The process stops, in order."""
        self.server.stop_taking_up()
        result_of(self.server.finish(10))

    def later(self, seconds: float, step: float = 0.25) -> None:
        """Time passes, in steps short enough for everything that repeats."""
        self.clock.pump([step] * int(seconds / step))


class Visitor:
    """A browser: says commands, hears events. Satisfies `client.Client`."""

    def __init__(self, server: ChatServer, address: str, channel: Channel) -> None:
        self.address = address
        self.label = "a visitor"
        self.closed_with: tuple[int, str] | None = None
        self.paused = False
        self._frames: list[bytes] = []
        self.session = server.open(channel, self)

    def says(self, *commands: dict[str, Any] | bytes) -> None:
        for command in commands:
            frame = command if isinstance(command, bytes) else msgspec.json.encode(command)
            self.session.received(frame)

    def hears(self) -> list[dict[str, Any]]:
        """All events since the last time, in order."""
        frames, self._frames = self._frames, []
        return [msgspec.json.decode(frame) for frame in frames]

    def hears_one(self) -> dict[str, Any]:
        (event,) = self.hears()
        return event

    def is_shown(self) -> list[int | str]:
        """The ids of the messages among the events since the last time."""
        return [e["msg_out"]["id"] for e in self.hears() if e["type"] == "chat_out"]

    def leaves(self) -> None:
        self.session.closed()

    @property
    def chat_id(self) -> str:
        chat = self.session.chat
        return chat.chat_id if chat else ""

    @property
    def chat(self) -> ChatKey:
        assert self.session.chat is not None
        return self.session.chat

    # What the session calls.

    def send(self, frame: bytes) -> None:
        assert self.closed_with is None, "nothing is sent after the close"
        self._frames.append(frame)

    def close(self, code: int, reason: str) -> None:
        self.closed_with = self.closed_with or (code, reason)
        self.session.closed()

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False
