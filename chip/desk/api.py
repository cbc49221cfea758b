"""What the desk's page asks for and does; `chip.desk.records` shows the requests.

Owns the routes and what each changes. All requests that come here are signed in.
"""

from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import msgspec

from chip.desk.commands import DeskCommands
from chip.desk.queries import DeskQueries
from chip.desk.records import Conversation, DeskSettings, Name, Read, Reply
from chip.errors import NotFound, Refused
from chip.protocol.attachments import is_url
from chip.web.http.answers import Answer, json_answer
from chip.web.http.request import Request

_BODY_LIMIT = 256 * 1024

_replies = msgspec.json.Decoder(Reply)
_reads = msgspec.json.Decoder(Read)
_names = msgspec.json.Decoder(Name)
_settings = msgspec.json.Decoder(DeskSettings)

Route = Callable[..., Coroutine[Any, Any, Answer]]


class DeskActions(Protocol):
    """What follows from what is done here."""

    settings: DeskSettings

    def message_changed(self, message: int, *, send: bool = False) -> None:
        """A message is new or has another state; with `send` it is to go out."""

    def conversation_changed(self, conversation: int) -> None:
        """A line of the list has changed."""

    async def set_guide(self, guide: bool) -> None:
        """Turn the guide on or off."""


class Api:
    """The requests, by method and path."""

    def __init__(self, commands: DeskCommands, queries: DeskQueries, actions: DeskActions) -> None:
        self._commands = commands
        self._queries = queries
        self._actions = actions
        self._routes: dict[tuple[bytes, str, str], Route] = {
            (b"GET", "conversations", ""): self._conversations,
            (b"GET", "conversations", "one"): self._conversation,
            (b"GET", "unread", ""): self._unread,
            (b"POST", "conversations", "messages"): self._reply,
            (b"POST", "conversations", "read"): self._read,
            (b"POST", "conversations", "name"): self._name,
            (b"POST", "messages", "retry"): self._retry,
            (b"POST", "settings", ""): self._set,
        }

    async def answer(self, request: Request, path: list[str]) -> Answer:
        """Do what is asked for. Raises NotFound and other refusals."""
        match path:
            case [thing]:
                route = self._routes.get((request.method, thing, ""))
                if route is not None:
                    return await route(request)
            case [thing, number, *deed] if _is_number(number) and len(deed) <= 1:
                route = self._routes.get((request.method, thing, deed[0] if deed else "one"))
                if route is not None:
                    return await route(request, int(number))
        raise NotFound("not found")

    async def _conversations(self, request: Request) -> Answer:
        search, before = request.argument(b"search"), _number(request, b"before")
        found, more = await self._queries.conversations(search[:200], before)
        return json_answer(
            {"conversations": found, "more": more, "settings": self._actions.settings}
        )

    async def _conversation(self, request: Request, number: int) -> Answer:
        conversation = await self._known(number)
        messages, more = await self._queries.messages(number, _number(request, b"before"))
        return json_answer({"conversation": conversation, "messages": messages, "more": more})

    async def _unread(self, request: Request) -> Answer:
        return json_answer({"unread": await self._queries.unread()})

    async def _reply(self, request: Request, number: int) -> Answer:
        reply = request.decoded(_replies, _BODY_LIMIT)
        if not reply.text.strip() and not reply.attachments:
            raise Refused("a reply needs a text or an attachment")
        if "\0" in reply.text:
            raise Refused("a text cannot hold U+0000")
        for url in reply.attachments:
            if not is_url(url):
                raise Refused("an attachment is not a URL")
        message = await self._commands.reply(number, reply)
        if message is None:
            raise NotFound("no such conversation")
        self._actions.message_changed(message, send=True)
        return json_answer({"message": await self._queries.message(message)})

    async def _read(self, request: Request, number: int) -> Answer:
        read = request.decoded(_reads, _BODY_LIMIT)
        await self._commands.read(number, read.up_to)
        self._actions.conversation_changed(number)
        return json_answer({})

    async def _name(self, request: Request, number: int) -> Answer:
        await self._commands.rename(number, request.decoded(_names, _BODY_LIMIT).name)
        self._actions.conversation_changed(number)
        return json_answer({"conversation": await self._known(number)})

    async def _retry(self, request: Request, number: int) -> Answer:
        message = await self._queries.message(number)
        if message is None or message.state != "failed":
            raise NotFound("no such failed message")
        await self._commands.retry(message.conversation, number)
        self._actions.message_changed(number, send=True)
        return json_answer({})

    async def _set(self, request: Request) -> Answer:
        settings = request.decoded(_settings, _BODY_LIMIT)
        await self._actions.set_guide(settings.guide)
        return json_answer({"settings": self._actions.settings})

    async def _known(self, number: int) -> Conversation:
        conversation = await self._queries.conversation(number)
        if conversation is None:
            raise NotFound("no such conversation")
        return conversation


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 15


def _number(request: Request, name: bytes) -> int:
    text = request.argument(name)
    return int(text) if _is_number(text) else 0
