"""A scripted visitor: a WebSocket client whose tests read like a transcript.

    visitor = Visitor(chip.url, channel.uuid)
    await visitor.connect()
    await visitor.start_chat()
    visitor.send("hi", ref="a")
    await visitor.expect("msg_accepted", ref="a")

Owns the client's side of one socket in the reactor of whoever imports this. It reads events in
the order in which they came, and has no timers of Autobahn's own that could be left behind.
"""

from __future__ import annotations

import json
import re
from collections import deque
from typing import Any, Self

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.python.failure import Failure

Event = dict[str, Any]
_PATIENCE = 60.0
_RECOGNISABLE = 10


class RefusedError(Exception):
    """The handshake was answered with something other than 101."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"{status} {body.decode(errors='replace')}")
        self.status = status
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Visitor:
    """One connection at a time to one channel. `url` is Chip's, `http://…` or `ws://…`.

    `chat_id` is what `start_chat` asks for, and learns from its answer; `frames` is everything
    that was received on all connections; `close_code` says how the latest one ended.
    """

    def __init__(
        self,
        url: str,
        channel: str,
        chat_id: str | None = None,
        *,
        headers: dict[str, str] | None = None,
        patience: float = _PATIENCE,
    ) -> None:
        if url.startswith("https"):
            raise ValueError("visitors come without TLS; put a proxy in front")
        self.url = f"{url.replace('http', 'ws', 1).rstrip('/')}/wc/connect/{channel}"
        self.chat_id = chat_id
        self.headers = headers or {}
        self.patience = patience
        self.frames: list[Event] = []
        self.close_code: int | None = None
        self.close_reason = ""
        self._said: list[str] = []
        self._unread: deque[Event] = deque()
        self._waiting: Deferred[None] | None = None
        self._protocol: _Client | None = None
        self._closed: Deferred[None] = Deferred()

    # Coming and going.

    async def connect(self) -> Self:
        """Open the socket. Raises RefusedError with the answer when there is another than 101."""
        factory = WebSocketClientFactory(self.url, headers=self.headers)
        factory.noisy = False
        # Each of these would be a timer in the reactor; `patience` bounds every wait instead.
        factory.setProtocolOptions(
            openHandshakeTimeout=0, closeHandshakeTimeout=0, serverConnectionDropTimeout=0
        )
        opened: Deferred[None] = Deferred()
        factory.protocol = lambda: _Client(self, opened)
        self._unread.clear()
        self.close_code = None
        connector = reactor.connectTCP(factory.host, factory.port, factory)  # type: ignore[attr-defined]
        factory.clientConnectionFailed = lambda _, reason: opened.errback(reason)
        try:
            await self._bounded(opened, "the handshake")
        except TimeoutError:
            connector.disconnect()
            raise
        return self

    async def leave(self) -> int | None:
        """Say goodbye as a browser does, and wait until the connection is gone."""
        self._connection.sendClose(1000)
        return await self.closed()

    async def vanish(self) -> None:
        """Drop the TCP connection without a word."""
        self._connection.transport.abortConnection()
        await self.closed()

    async def closed(self) -> int | None:
        """Wait until the connection has ended; return the close code that the server sent."""
        await self._bounded(self._closed, "the connection's end")
        return self.close_code

    @property
    def connected(self) -> bool:
        return self._protocol is not None

    def stop_reading(self) -> None:
        """Leave everything that comes in the kernel's buffers."""
        self._connection.transport.pauseProducing()

    def resume_reading(self) -> None:
        """Read again."""
        self._connection.transport.resumeProducing()

    # Speaking.

    def command(self, type: str, **fields: Any) -> None:
        """Send a command as it is."""
        self._said += [value for value in fields.values() if isinstance(value, str)]
        self.send_raw(json.dumps({"type": type, **fields}).encode())

    def send_raw(self, payload: bytes, binary: bool = False) -> None:
        """Send one message of any bytes."""
        self._connection.sendMessage(payload, isBinary=binary)

    async def start_chat(self, chat_id: str | None = None) -> Event:
        """Start or resume the chat and return the answer, the next event to come."""
        asked = chat_id or self.chat_id
        self.command("start_chat", **({"chat_id": asked} if asked else {}))
        answer = await self.next()
        if answer["type"] not in {"chat_started", "chat_resumed"}:
            raise AssertionError(self._story(f"start_chat was answered by {answer}"))
        self.chat_id = answer["chat_id"]
        return answer

    def send(self, text: str, ref: str | None = None) -> None:
        """Say something."""
        self.command("send_msg", text=text, **({"ref": ref} if ref else {}))

    def ack(self, event: Event) -> None:
        """Acknowledge a `chat_out`, by what it is called there."""
        message = event["msg_out"]
        if "id" in message:
            self.command("ack_chat", msg_id=message["id"])
        else:
            self.command("ack_chat", msg_uuid=message["uuid"])

    def get_history(self, before: str) -> None:
        """Ask for the messages before a time."""
        self.command("get_history", before=before)

    def set_email(self, email: str) -> None:
        """Leave an e-mail address."""
        self.command("set_email", email=email)

    # Listening.

    async def next(self) -> Event:
        """Return the next event, whatever it is."""
        if not self._unread:
            if not self.connected:
                raise AssertionError(self._story("the connection is closed"))
            self._waiting = Deferred()
            await self._bounded(self._waiting, "an event")
        if not self._unread:
            raise AssertionError(self._story("the connection closed instead of an event"))
        return self._unread.popleft()

    async def expect(self, type: str, **fields: Any) -> Event:
        """Return the next event, which must be of this type and have these fields."""
        event = await self.next()
        wanted = {"type": type, **fields}
        if not _matches(event, wanted):
            raise AssertionError(self._story(f"expected {wanted}, got {event}"))
        return event

    async def until(self, type: str, **fields: Any) -> Event:
        """Return the first event of this type with these fields, passing over others."""
        wanted = {"type": type, **fields}
        while True:
            event = await self.next()
            if _matches(event, wanted):
                return event

    async def hears(self, *texts: str, ack: bool = True) -> list[Event]:
        """Take the next messages, which must have these texts in this order; acknowledge them."""
        events = []
        for text in texts:
            event = await self.expect("chat_out")
            if event["msg_out"]["text"] != text:
                raise AssertionError(self._story(f"expected {text!r}, got {event}"))
            if ack:
                self.ack(event)
            events.append(event)
        return events

    async def hears_nothing(self) -> None:
        """Make sure that the server has sent nothing until it answers a ping sent now."""
        self.command("ping")
        await self.expect("pong")

    def secrets(self) -> set[str]:
        """Return the chat id and all that was said and heard, if long enough to be recognised."""
        heard = (frame["msg_out"]["text"] for frame in self.frames if "msg_out" in frame)
        private = {self.chat_id or "", *self._said, *heard}
        return {text for text in private if len(text) >= _RECOGNISABLE}

    # Called by the socket.

    def _received(self, payload: bytes) -> None:
        event = json.loads(payload)
        self.frames.append(event)
        self._unread.append(event)
        self._wake()

    def _opened(self, client: _Client) -> None:
        self._protocol = client
        self._closed = client.closed

    def _lost(self, client: _Client, code: int | None, reason: str) -> None:
        if self._protocol is client:
            self._protocol = None
            self.close_code = code
            self.close_reason = reason
            self._wake()

    def _wake(self) -> None:
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            waiting.callback(None)

    # Inside.

    @property
    def _connection(self) -> _Client:
        if self._protocol is None:
            raise AssertionError(self._story("not connected"))
        return self._protocol

    async def _bounded(self, deferred: Deferred[None], what: str) -> None:
        # A waiter of its own, so that a time-out here leaves `deferred` to whoever asks next.
        waiter: Deferred[None] = Deferred()

        def pass_on(result: Failure | None) -> None:
            if not waiter.called:
                waiter.callback(result)

        deferred.addBoth(pass_on)
        late = reactor.callLater(  # type: ignore[attr-defined]
            self.patience, lambda: waiter.errback(TimeoutError(self._story(f"no {what}")))
        )
        try:
            await waiter
        finally:
            if late.active():
                late.cancel()

    def _story(self, complaint: str) -> str:
        heard = "\n".join(f"  {json.dumps(frame)[:300]}" for frame in self.frames[-20:])
        return f"{complaint}\nclose code {self.close_code}, heard so far:\n{heard}"


class _Client(WebSocketClientProtocol):
    """Autobahn's side of it."""

    def __init__(self, visitor: Visitor, opened: Deferred[None]) -> None:
        super().__init__()
        self._visitor = visitor
        self._opened = opened
        self._answer = b""
        self.closed: Deferred[None] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        if not self._opened.called:
            self._answer += data
        super().dataReceived(data)

    def onOpen(self) -> None:
        self._visitor._opened(self)
        self._opened.callback(None)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self._visitor._received(payload)

    def failHandshake(self, reason: str) -> None:
        """Go once the whole answer is there; called again whenever more of it has come."""
        head, _, body = self._answer.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        if length and len(body) >= int(length[1]):
            self.transport.abortConnection()

    def connectionLost(self, reason: Failure = Failure(ConnectionDone())) -> None:  # noqa: B008
        super().connectionLost(reason)
        if self._opened.called:
            # The visitor may have come back by another connection meanwhile.
            self._visitor._lost(self, self.remoteCloseCode, self.remoteCloseReason or "")
            self.closed.callback(None)
        elif self._answer:
            head, _, body = self._answer.partition(b"\r\n\r\n")
            self._opened.errback(RefusedError(int(head.split()[1]), body))
        else:
            self._opened.errback(ConnectionLost())


def _matches(event: Event, wanted: Event) -> bool:
    return all(name in event and event[name] == value for name, value in wanted.items())
