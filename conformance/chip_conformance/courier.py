"""Courier, as far as the server can tell: it takes what visitors do, and says what it made of it.

It does right by every chat, unless a promise wants to see what the server does about an answer of
another kind. With `upstream`, what is right is asked of a real Courier, which writes the database
that the server reads.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from chip_conformance.broken import Broken
from chip_conformance.http import PATIENCE, Answer, Request, ask, json_answer, serving
from chip_conformance.target import External, Heard, Message, Webchat

HANG_UP: Final = Answer(0)
"""In place of an answer: the connection is closed."""
NO_ROUTE: Final = json_answer(404, {"message": "Not Found", "data": []})


class Attempt(NamedTuple):
    """One event in one request. `at` is the time of the answer, on the loop's clock."""

    heard: Heard
    confirmed: bool
    at: float
    content_type: str


@dataclass
class Courier:
    """Listens for one channel, and remembers everything."""

    channel: Webchat | External
    upstream: str = ""
    patience: float = PATIENCE
    attempts: list[Attempt] = field(default_factory=list)
    strangers: list[Request] = field(default_factory=list)
    """Requests for anything that Courier does not have, or cannot read."""
    new_chats: deque[Answer] = field(default_factory=deque)
    """What the next new chats are answered, whosever they are."""
    _scripts: dict[str, deque[Answer]] = field(default_factory=lambda: defaultdict(deque))
    _chats: dict[str, str] = field(default_factory=dict)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    def listening(self, host: str, port: int) -> AbstractAsyncContextManager[None]:
        """Take requests for as long as this lasts. Raises OSError."""
        return serving(host, port, self._handle)

    def will_answer(self, chat: str, *answers: Answer) -> None:
        """Answer the next requests about a chat by these, and do nothing of what they ask."""
        self._scripts[chat] += answers

    def sends(self, message: Message) -> None:
        """Remember whose a message is: a report on it may say only its name."""
        self._chats |= dict.fromkeys(message.names, message.chat)

    def heard(self, chat: str, kind: str) -> list[Heard]:
        """What was confirmed of a chat, in order."""
        return [
            attempt.heard
            for attempt in self.attempts
            if attempt.confirmed
            and self.chat_of(attempt.heard) == chat
            and attempt.heard.kind == kind
        ]

    def texts(self, chat: str) -> list[str]:
        """What the visitor of a chat has said, in order."""
        return [heard.text for heard in self.heard(chat, "msg_in")]

    async def hears(self, chat: str, text: str, *, within: float = 0) -> list[str]:
        """Wait until this was said in a chat. Returns all that was said. Raises Broken."""
        await self.until(
            lambda: text in self.texts(chat),
            lambda: f"Courier waits for {text!r}, and has heard {self.texts(chat)}",
            within,
        )
        return self.texts(chat)

    async def is_asked(self, chat: str) -> None:
        """Wait until what a visitor said has come, whatever was answered. Raises Broken."""
        await self.until(
            lambda: any(each.heard.text and each.heard.chat == chat for each in self.attempts),
            lambda: "Courier waits for what was said, and has heard nothing",
        )

    async def hears_of(self, message: Message, kind: str = "delivered", times: int = 1) -> Attempt:
        """Wait for a report on a message. Raises Broken."""

        def reports() -> list[Attempt]:
            return [
                attempt
                for attempt in self.attempts
                if attempt.heard.kind == kind and attempt.heard.names & message.names
            ]

        await self.until(
            lambda: len(reports()) >= times,
            lambda: f"Courier waits for {times} {kind!r} of a message, and has {len(reports())}",
        )
        return reports()[-1]

    async def until(
        self,
        condition: Callable[[], bool],
        complaint: Callable[[], str],
        within: float = 0,
    ) -> None:
        """Wait for a condition to hold, `within` so many seconds if that is longer than usual.
        Raises Broken with the complaint of then."""
        try:
            async with asyncio.timeout(max(within, self.patience)), self._news:
                await self._news.wait_for(condition)
        except TimeoutError:
            raise Broken(complaint()) from None

    def chat_of(self, heard: Heard) -> str:
        """Whose an event is."""
        return heard.chat or next((self._chats.get(name, "") for name in heard.names), "")

    async def _handle(self, request: Request) -> Answer | None:
        try:
            heard = self.channel.read(request)
        except (ValueError, TypeError, KeyError):
            return self._note_stranger(request, self.channel.refused())
        if heard is None:
            return self._note_stranger(request, NO_ROUTE)
        chat = self.chat_of(heard[0]) if heard else ""
        begins = bool(heard) and heard[0].kind == "chat_started"
        script = self.new_chats if begins and self.new_chats else self._scripts[chat]
        scripted = bool(script)
        if script:
            answer = script.popleft()
        elif self.upstream:
            answer = await self._ask_upstream(request)
        else:
            answer = self.channel.handled(heard)
        confirmed = not scripted and answer.status == 200
        at, kind = asyncio.get_running_loop().time(), request.headers.get("content-type", "")
        async with self._news:
            self.attempts += [Attempt(each, confirmed, at, kind) for each in heard]
            self._news.notify_all()
        return None if answer is HANG_UP else answer

    def _note_stranger(self, request: Request, answer: Answer) -> Answer:
        self.strangers.append(request)
        return answer

    async def _ask_upstream(self, request: Request) -> Answer:
        try:
            return await ask(self.upstream, request, self.patience)
        except (OSError, TimeoutError, Broken) as trouble:
            return Answer(502, f"upstream: {trouble}".encode())
