"""One try of one promise: visitors, Courier, and words that nobody has said before."""

import secrets
from contextlib import AsyncExitStack
from typing import Any, TypeVar

from chip_conformance.broken import Broken, expect
from chip_conformance.courier import Courier
from chip_conformance.http import Answer
from chip_conformance.target import External, Message, Target, Webchat
from chip_conformance.visitor import Visitor

_Kind = TypeVar("_Kind", Webchat, External)


class Trial:
    """One try of one promise. All visitors have left when it is closed."""

    def __init__(self, target: Target, courier: Courier) -> None:
        self.target = target
        self.courier = courier
        self._leaving = AsyncExitStack()

    async def __aenter__(self) -> "Trial":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._leaving.aclose()

    @property
    def webchat(self) -> Webchat:
        """The channel, for promises that need a webchat channel."""
        return self._channel(Webchat)

    @property
    def external(self) -> External:
        """The channel, for promises that need an External channel."""
        return self._channel(External)

    def _channel(self, kind: type[_Kind]) -> _Kind:
        if isinstance(self.target.channel, kind):
            return self.target.channel
        raise TypeError(f"this promise needs {kind.__name__}, and does not say so")

    @property
    def place(self) -> str:
        """The path of the socket."""
        return f"/wc/connect/{self.target.channel.page}"

    def words(self, what: str = "hello") -> str:
        """A text that nobody has said before."""
        return f"{what} {secrets.token_hex(4)}"

    # Visitors.

    async def connected(self, **options: bool) -> Visitor:
        """A visitor who has said nothing. Raises Broken."""
        url = self.target.url.replace("http", "ws", 1).rstrip("/") + self.place
        visitor = await Visitor.connect(url, self.target.patience, **options)
        self._leaving.push_async_callback(visitor.leave)
        return visitor

    async def visitor(self) -> Visitor:
        """A visitor with a new chat. Raises Broken."""
        visitor = await self.connected()
        event = await visitor.start()
        expect(event["type"] == "chat_started", f"a new chat is {event['type']}")
        return visitor

    async def again(self, chat: str) -> Visitor:
        """One more connection of a visitor. Raises Broken."""
        visitor = await self.connected()
        event = await visitor.start(chat)
        seen = f"{event['type']} with {'the same' if event['chat_id'] == chat else 'another'} id"
        expect(event["type"] == "chat_resumed" and event["chat_id"] == chat, seen)
        return visitor

    # Messages.

    async def send(self, chat: str, text: str = "", **more: Any) -> Message:
        """Courier sends a message, which has to be taken. Raises Broken."""
        message = self.target.channel.new(chat, text or self.words("news"), **more)
        return await self.resend(message)

    async def resend(self, message: Message) -> Message:
        """Courier sends this message, for the first time or again."""
        answer = await self.post(message)
        if answer.status != 200:
            raise Broken(f"a send is answered {answer}")
        return message

    async def post(self, message: Message) -> Answer:
        """The answer to a message of Courier's."""
        self.courier.sends(message)
        return await self.target.post(self.target.channel.request(message))

    async def said(self, visitor: Visitor, text: str = "") -> str:
        """The visitor says something, and Courier has it. Raises Broken."""
        text = text or self.words("said")
        await visitor.say(text)
        await self.courier.hears(visitor.chat, text)
        return text

    async def is_shown_nothing_else(self, visitor: Visitor) -> None:
        """Nothing else is on its way to the visitor: the next message is one that is sent now.
        Raises Broken."""
        marker = await self.send(visitor.chat, self.words("marker"))
        await visitor.is_shown(marker.text)
