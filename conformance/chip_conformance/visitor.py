"""A visitor: one WebSocket, and what came over it, in order."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any, Final, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from chip_conformance.broken import Broken
from chip_conformance.http import PATIENCE

Event = dict[str, Any]
TRIES: Final = 20
"""How often a visitor who came too fast waits and comes again."""
_CORE: Final = frozenset(
    ["chat_started", "chat_resumed", "chat_out", "history", "error", "msg_accepted", "pong"]
)


class Visitor:
    """One connection. `chat` is the id of the chat, once it has one; `patience` is how many seconds
    the server has for an answer."""

    def __init__(self, socket: ClientConnection, patience: float = PATIENCE) -> None:
        self.socket = socket
        self._patience = patience
        self.chat = ""
        self.email = ""
        self.seen: list[Event] = []

    @classmethod
    async def connect(cls, url: str, patience: float, *, offer: bool = False) -> Self:
        """Open a socket; wait and try again where the server says that this is too fast. With
        `offer`, a subprotocol and compression are offered. Raises Broken."""
        for _ in range(TRIES):
            try:
                return cls(
                    await connect(
                        url,
                        compression="deflate" if offer else None,
                        subprotocols=[Subprotocol("chat")] if offer else None,
                        ping_interval=None,
                        open_timeout=patience,
                        close_timeout=1,
                        max_size=None,
                        proxy=None,
                    ),
                    patience,
                )
            except InvalidStatus as refused:
                answer = refused.response
                if answer.status_code not in {429, 503}:
                    raise Broken(f"the handshake is answered {answer.status_code}") from None
                await asyncio.sleep(float(answer.headers.get("Retry-After", "1")))
            except InvalidHandshake as trouble:
                raise Broken(f"the handshake went wrong: {trouble}") from None
        raise Broken("the server lets nobody in: its limits are too low for this kit")

    # Speaking.

    async def command(self, kind: str, **fields: object) -> None:
        """Send a command."""
        await self.raw(json.dumps({"type": kind, **fields}))

    async def raw(self, frame: str | bytes | Iterable[str], *, text: bool | None = None) -> None:
        """Send a message of any content. Bytes are a binary one, unless it is to be `text`. Raises
        Broken."""
        try:
            await self.socket.send(frame, text=text)
        except ConnectionClosed:
            raise Broken(self._ended()) from None

    async def start(self, chat: str = "") -> Event:
        """Start or resume a chat; wait and try again where that is too fast. Returns the answer.
        Raises Broken."""
        for _ in range(TRIES):
            await self.command("start_chat", **({"chat_id": chat} if chat else {}))
            event = await self.next()
            if event["type"] in {"chat_started", "chat_resumed"}:
                self.chat, self.email = event["chat_id"], event.get("email", "")
                return event
            if event.get("code") != "rate_limited":
                raise Broken(f"start_chat is answered by {shown(event)}")
            await asyncio.sleep(event.get("retry_after", 1))
        raise Broken("the server starts no more chats: its limits are too low for this kit")

    async def say(self, text: str, ref: str = "") -> None:
        """Say something."""
        await self.command("send_msg", text=text, **({"ref": ref} if ref else {}))

    async def ack(self, event: Event) -> None:
        """Say that a message was shown, by its id, as old clients do."""
        await self.command("ack_chat", msg_id=event["msg_out"]["id"])

    async def history(self, before: str = "2100-01-01T00:00:00Z") -> list[Event]:
        """A page of history; wait and ask again where that is too fast. Raises Broken."""
        for _ in range(TRIES):
            await self.command("get_history", before=before)
            event = await self.next()
            if event["type"] == "history":
                page: list[Event] = event["history"]
                return page
            if event.get("code") != "rate_limited":
                raise Broken(f"{shown(event)} came, where history had to")
            await asyncio.sleep(event.get("retry_after", 1))
        raise Broken("the server shows no more history: its limits are too low for this kit")

    # Listening.

    async def next(self, *, wanted: str = "", within: float = 0) -> Event:
        """The next event; what is no answer to anything is passed over unless it is wanted.
        `within` is for another patience. Raises Broken."""
        try:
            async with asyncio.timeout(within or self._patience):
                while True:
                    event = self._read(await self.socket.recv())
                    if event["type"] in _CORE or event["type"] == wanted:
                        return event
        except TimeoutError:
            raise Broken(f"nothing came, where {wanted or 'something'} had to") from None
        except ConnectionClosed:
            raise Broken(self._ended()) from None

    def _read(self, frame: str | bytes) -> Event:
        if isinstance(frame, bytes):
            raise Broken("a binary frame came")
        try:
            event: Event = json.loads(frame)
            event["type"]
        except (ValueError, TypeError, KeyError):
            raise Broken(f"what came is no event: {frame[:60]}") from None
        self.seen.append(event)
        return event

    async def expect(self, kind: str, **fields: object) -> Event:
        """The next event, which has to be of this type and have these fields. Raises Broken."""
        event = await self.next(wanted=kind)
        if event["type"] != kind or any(event.get(name) != fields[name] for name in fields):
            words = " ".join([kind, *(f"{name}={value!r}" for name, value in fields.items())])
            raise Broken(f"{shown(event)} came, where {words} had to")
        return event

    async def is_shown(self, *texts: str) -> list[Event]:
        """The next messages, which have to have these texts in this order. Raises Broken."""
        found = []
        for text in texts:
            event = await self.next(wanted="chat_out")
            if event["type"] != "chat_out" or event["msg_out"]["text"] != text:
                raise Broken(f"{shown(event)} came, where the message {text!r} had to")
            found.append(event)
        return found

    # Leaving.

    async def leave(self) -> None:
        """Close, as a browser does."""
        await self.socket.close()

    async def vanish(self) -> None:
        """Drop the connection without a word."""
        self.socket.transport.abort()
        await self.socket.wait_closed()

    async def closed(self) -> int:
        """Wait for the server to close; the code of its close frame. Raises Broken."""
        try:
            async with asyncio.timeout(self._patience):
                while True:
                    self._read(await self.socket.recv())
        except TimeoutError:
            raise Broken("the connection is still open") from None
        except ConnectionClosed as closed:
            if closed.rcvd is None:
                raise Broken("the connection was dropped without a close frame") from None
            return closed.rcvd.code

    def _ended(self) -> str:
        return f"the connection was closed with {self.socket.close_code}"


def shown(event: Event) -> str:
    """An event in a few words."""
    text = json.dumps(event, ensure_ascii=False)
    return text if len(text) <= 120 else f"{text[:117]}..."
