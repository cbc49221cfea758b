"""One visitor's connection: a command comes in, this happens.

A session owns the order of its commands and what its connection has been sent. It knows neither
sockets nor databases: it is handed a `Client` to speak through, and the heart's other parts.

    received → decode → (wait for the commands before it) → handle → answer or error
    hub      → arrived / acked / told / interrupted       → the feed → Client.send
"""

from collections import deque
from collections.abc import Iterator
from math import ceil
from typing import TYPE_CHECKING, Final, cast

from twisted.logger import Logger

from chip.chat.client import Client
from chip.chat.feed import Feed
from chip.chat.ports import OutboxItem
from chip.chat.rates import ConnectionRates
from chip.errors import Unavailable
from chip.models import Channel, ChatKey, Contact
from chip.protocol.commands import (
    AckChat,
    Command,
    CommandError,
    GetHistory,
    Ping,
    SendMsg,
    SetEmail,
    StartChat,
    decode_command,
)
from chip.protocol.courier import Incoming
from chip.protocol.events import (
    ChatResumed,
    ChatStarted,
    Error,
    ErrorCode,
    Event,
    MsgAccepted,
    MsgEcho,
    Pong,
    Said,
    encode_event,
    history_frame,
)
from chip.protocol.times import time_of_timestamp

if TYPE_CHECKING:
    from chip.chat.server import ChatServer

MAX_WAITING: Final = 64
"""Commands that may wait for their turn before the connection is not read any more."""
MAX_SENDS_AT_ONCE: Final = 100
"""Messages that are stored in one step when a visitor sends many at once."""

CLOSE_BAD_COMMANDS: Final = 4400
CLOSE_REPLACED: Final = 4409

_PONG: Final = encode_event(Pong())


class Session:
    """What Chip means to one connection. Satisfies `hub.Member`."""

    __slots__ = (
        "_busy",
        "_channel",
        "_client",
        "_closed",
        "_contact",
        "_feed",
        "_heart",
        "_made_chat",
        "_rates",
        "_waiting",
        "chat",
        "commands",
        "errors",
        "events_sent",
    )

    _log = Logger()

    def __init__(self, heart: "ChatServer", channel: Channel, client: Client) -> None:
        self._heart = heart
        self._channel = channel
        self._client = client
        self._closed = False
        self._contact: Contact | None = None
        self._feed: Feed | None = None
        self._made_chat: ChatKey | None = None
        self._busy = False
        self._waiting: deque[Command] | None = None
        self._rates = ConnectionRates(heart.limits)
        self.chat: ChatKey | None = None
        """The chat that this connection is in, once it has started or resumed one."""
        self.commands = 0
        self.errors = 0
        self.events_sent = 0

    # From the connection.

    def received(self, frame: bytes) -> None:
        """One whole message from the browser."""
        self.commands += 1
        try:
            command = decode_command(frame)
        except CommandError as error:
            self._refuse_frame(error)
            return
        self._heart.observer.command(str(command.__struct_config__.tag))
        wait = self._rate_of(command)
        if wait:
            self._error("rate_limited", "too many commands", command, ceil(wait))
        elif isinstance(command, Ping):
            # Not in turn: it asks whether anybody is there, not whether the database is.
            self._send_frame(_PONG)
        elif self._busy:
            self._queue(command)
        else:
            self._busy = True
            self._heart.tasks.spawn("a visitor's command", self._work(command))

    def closed(self) -> None:
        """The connection is gone."""
        # What it said before goes on: a visitor may say something and leave at once.
        self._closed = True
        if self.chat:
            self._heart.hub.leave(self.chat, self)
        if self._feed:
            self._feed.stop()
            # It holds on to this session, and nothing else must when the connection is gone.
            self._feed = None

    def _refuse_frame(self, error: CommandError) -> None:
        self.errors += 1
        self._heart.observer.command("invalid")
        self._heart.observer.error(error.code)
        self._send(Error(error.code, error.message, error.command, error.ref))
        if self._rates.bad_command(self._heart.seconds()):
            self._client.close(CLOSE_BAD_COMMANDS, "too many bad commands")

    def _rate_of(self, command: Command) -> float:
        """Seconds that this command comes too early. Acks of what is in flight are free: a visitor
        must always be able to say what he has seen."""
        match command:
            case AckChat(name=name) if self._feed and self._feed.in_flight(name):
                return 0
            case Ping():
                return 0  # the connection counts these, with its own
        return self._rates.command(self._heart.seconds())

    def _queue(self, command: Command) -> None:
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append(command)
        if len(self._waiting) >= MAX_WAITING:
            self._client.pause()

    async def _work(self, command: Command | None) -> None:
        """Carry out `command` and all that come in meanwhile, strictly in order."""
        while command is not None:
            try:
                await self._handle(command)
            except Exception as error:
                self._failed(error, command)
            command = self._next()
        self._busy = False

    def _failed(self, error: Exception, *commands: Command) -> None:
        """Answer `commands`, which were not carried out. To be called where `error` is handled."""
        code: ErrorCode = "internal"
        message, retry_after = "something went wrong here", 0
        match error:
            case Unavailable():
                code, message, retry_after = "unavailable", str(error), error.retry_after
            case CommandError():
                code, message, retry_after = error.code, error.message, error.retry_after
            case _:
                # One visitor's misfortune: it ends neither his connection nor anybody else's.
                self._log.failure("{command} failed", command=type(commands[0]).__name__)
        for command in commands:
            self._error(code, message, command, retry_after)

    def _next(self) -> Command | None:
        if not self._waiting:
            self._waiting = None
            return None
        if len(self._waiting) == MAX_WAITING:
            self._client.resume()
        return self._waiting.popleft()

    # The commands.

    async def _handle(self, command: Command) -> None:
        match command:
            case StartChat():
                await self._start_chat(command)
            case SendMsg():
                await self._send_msgs(command)
            case AckChat():
                await self._ack_chat(command)
            case GetHistory():
                await self._get_history(command)
            case SetEmail():
                await self._set_email(command)

    async def _start_chat(self, command: StartChat) -> None:
        if self.chat:
            raise CommandError("chat_already_started", "this connection has a chat already")
        arrivals = self._heart.arrivals
        address = self._client.address
        chat, contact = await arrivals.resume(self._channel, command.chat_id or "", address)
        event: Event
        if contact:
            email = contact.email or await self._heart.notes.email(chat)
            event = ChatResumed(chat.chat_id, email)
        else:
            if self._made_chat is None:
                self._made_chat = arrivals.make(self._channel, address)
                chat = self._made_chat
                contact = await arrivals.start(self._channel, chat)
            else:
                chat = self._made_chat
                contact = await arrivals.start_again(self._channel, chat)
            event = ChatStarted(chat.chat_id)
        if not self._closed:
            await self._heart.hub.join(chat, self)
        self.chat, self._contact = chat, contact
        if self._closed:
            self._heart.hub.leave(chat, self)
            return
        self._send(event)
        self._feed = Feed(self._heart, chat, self._send_frame)
        await self._feed.start()

    async def _send_msgs(self, first: SendMsg) -> None:
        """Spool a message, and with it those that the visitor sent right behind it."""
        chat, contact = self._started()
        commands = self._within_rate(chat, [first, *self._sends_behind()])
        if not commands:
            return
        forwarder = self._heart.forwarder
        try:
            with forwarder.room() as may_claim:
                spooled = await self._heart.spool.append(
                    chat,
                    [Incoming(command.text, command.ref or "") for command in commands],
                    last_heard=contact.last_heard,
                    may_claim=may_claim,
                )
                forwarder.go_on(chat, spooled.claim, spooled.batch)
        except Exception as error:
            self._failed(error, *commands)
            return
        for command, result in zip(commands, spooled.results, strict=True):
            if result == "full":
                self._error("rate_limited", "too many messages are waiting", command, 30)
                continue
            if command.ref:
                self._send(MsgAccepted(command.ref))
            if result == "queued":
                self._echo(chat, command)

    def _sends_behind(self) -> Iterator[SendMsg]:
        """Take the messages that wait directly behind the one in hand."""
        for _ in range(MAX_SENDS_AT_ONCE - 1):
            if not self._waiting or not isinstance(self._waiting[0], SendMsg):
                return
            yield cast(SendMsg, self._next())

    def _within_rate(self, chat: ChatKey, commands: list[SendMsg]) -> list[SendMsg]:
        """Those that the chat may send now; the others are answered."""
        allowed = []
        for command in commands:
            wait = self._heart.send_rates.take(chat, self._heart.seconds())
            if wait:
                self._error("rate_limited", "too many messages", command, ceil(wait))
            else:
                allowed.append(command)
        return allowed

    def _echo(self, chat: ChatKey, command: SendMsg) -> None:
        others = self._heart.hub.others(chat, self)
        if others:
            now = time_of_timestamp(self._heart.seconds())
            said = Said(text=command.text, ref=command.ref or "", time=now)
            frame = encode_event(MsgEcho(said))
            for other in others:
                other.tell(frame)

    async def _ack_chat(self, command: AckChat) -> None:
        chat, _ = self._started()
        forwarder = self._heart.forwarder
        with forwarder.room() as may_claim:
            acked = await self._heart.outbox.ack(chat, command.name, may_claim=may_claim)
            if acked:
                forwarder.go_on(chat, acked.claim, acked.batch)
        if acked:
            self._heart.hub.acked(chat, acked.number)
            self._heart.observer.shown(acked.age / 1000)

    async def _get_history(self, command: GetHistory) -> None:
        _, contact = self._started()
        wait = self._rates.history(self._heart.seconds())
        if wait:
            self._error("rate_limited", "too many pages", command, ceil(wait))
            return
        page = await self._heart.store.history(contact, command.moment)
        self._send_frame(history_frame(page))

    async def _set_email(self, command: SetEmail) -> None:
        chat, contact = self._started()
        await self._heart.store.set_email(contact, command.email)
        # Courier wipes what was just written at the visitor's next event; this note outlives it.
        await self._heart.notes.set_email(chat, command.email)

    def _started(self) -> tuple[ChatKey, Contact]:
        if self.chat is None or self._contact is None:
            raise CommandError("chat_not_started", "start_chat comes first")
        return self.chat, self._contact

    # From the hub.

    def arrived(self, item: OutboxItem) -> None:
        if self._feed:
            self._feed.arrived(item)

    def acked(self, number: int) -> None:
        if self._feed:
            self._feed.acked(number)

    def tell(self, frame: bytes) -> None:
        self._send_frame(frame)

    def interrupted(self) -> None:
        if self._feed:
            self._feed.interrupted()

    def replaced(self) -> None:
        self._client.close(CLOSE_REPLACED, "replaced by a newer connection")

    # To the connection.

    def _send(self, event: Event) -> None:
        self._send_frame(encode_event(event))

    def _send_frame(self, frame: bytes) -> None:
        if not self._closed:
            self.events_sent += 1
            self._client.send(frame)

    def _error(self, code: ErrorCode, message: str, command: Command, retry_after: int = 0) -> None:
        self.errors += 1
        self._heart.observer.error(code)
        name = str(command.__struct_config__.tag)
        ref = (command.ref or "") if isinstance(command, SendMsg) else ""
        self._send(Error(code, message, name, ref, retry_after))
