"""One visitor's connection: a command comes in, this happens.

A session owns what its connection has been sent, and what a command means. It knows neither
sockets nor databases: it is handed a `Client` to speak through, and the parts that it uses.

    received → decode → (wait for the commands before it) → handle → answer or error
    hub      → arrived / acked / interrupted              → the feed → Client.send
               tell / replaced                            → Client.send, Client.close
"""

from math import ceil
from typing import Final

from chip.chat.client import Client
from chip.chat.command_queue import CommandQueue
from chip.chat.feed import Feed
from chip.chat.hops import HOPS
from chip.chat.ports import OutboxItem
from chip.chat.rates import ConnectionRates
from chip.chat.replies import Replies
from chip.chat.session_parts import SessionParts
from chip.models import Channel, ChatKey, Contact, Incoming
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
from chip.protocol.events import (
    ChatResumed,
    ChatStarted,
    Event,
    MsgAccepted,
    MsgEcho,
    Pong,
    Said,
    encode_event,
    history_frame,
)
from chip.protocol.times import time_of_timestamp

MAX_SENDS_AT_ONCE: Final = 100
"""Messages that are stored in one step when a visitor sends many at once."""

CLOSE_TOO_MANY_PINGS: Final = 4029
CLOSE_BAD_COMMANDS: Final = 4400
CLOSE_REPLACED: Final = 4409

_PONG: Final = encode_event(Pong())


class Session:
    """What Chip means to one connection. Satisfies `hub.Member`."""

    __slots__ = (
        "_channel",
        "_client",
        "_contact",
        "_feed",
        "_made_chat",
        "_parts",
        "_queue",
        "_rates",
        "_replies",
        "chat",
        "commands",
        "pings",
    )

    def __init__(self, parts: SessionParts, channel: Channel, client: Client) -> None:
        self._parts = parts
        self._channel = channel
        self._client = client
        self._contact: Contact | None = None
        self._feed: Feed | None = None
        self._made_chat: ChatKey | None = None
        self._queue = CommandQueue(client, parts.tasks)
        self._rates = ConnectionRates(parts.limits)
        self._replies = Replies(client, parts.observer)
        self.chat: ChatKey | None = None
        """The chat that this connection is in, once it has started or resumed one."""
        self.commands = self.pings = 0
        """Frames that came in, and how many of them were pings."""

    @property
    def errors(self) -> int:
        """How many of them were answered by an error."""
        return self._replies.errors

    @property
    def events_sent(self) -> int:
        """Frames that went out."""
        return self._replies.sent

    # From the connection.

    def received(self, frame: bytes) -> None:
        """One whole message from the browser."""
        self.commands += 1
        try:
            command = decode_command(frame)
        except CommandError as error:
            self._refuse_frame(error)
            return
        self._parts.observer.command(str(command.__struct_config__.tag))
        if isinstance(command, Ping):
            self._answer_ping()
            return
        wait = self._rate_of(command)
        if wait:
            self._replies.error("rate_limited", "too many commands", command, ceil(wait))
        else:
            self._queue.put(command, self._carry_out)

    def closed(self) -> None:
        """The connection is gone."""
        # What it said before goes on: a visitor may say something and leave at once.
        self._replies.closed = True
        if self.chat:
            self._parts.hub.leave(self.chat, self)
        if self._feed:
            self._feed.stop()
            self._feed = None

    def _refuse_frame(self, error: CommandError) -> None:
        self._parts.observer.command("invalid")
        self._replies.refuse(error)
        if self._rates.bad_command(self._seconds()):
            self._client.close(CLOSE_BAD_COMMANDS, "too many bad commands")

    def _answer_ping(self) -> None:
        """Not in turn: it asks whether anybody is there, not whether the database is."""
        self.pings += 1
        if self._rates.ping(self._seconds()):
            self._client.close(CLOSE_TOO_MANY_PINGS, "too many pings")
        else:
            self._replies.send_frame(_PONG)

    def _rate_of(self, command: Command) -> float:
        """Seconds that this command comes too early. Acks of what is in flight are free: a visitor
        must always be able to say what he has seen."""
        if isinstance(command, AckChat) and self._feed and self._feed.in_flight(command.name):
            return 0
        return self._rates.command(self._seconds())

    # The commands.

    async def _carry_out(self, command: Command) -> None:
        try:
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
        except Exception as error:
            self._replies.failed(error, command)

    async def _start_chat(self, command: StartChat) -> None:
        if self.chat:
            raise CommandError("chat_already_started", "this connection has a chat already")
        parts, address = self._parts, self._client.address
        starter = parts.chat_starter
        resumed = await starter.resume(self._channel, command.chat_id or "", address)
        event: Event
        if resumed:
            chat, contact, email = resumed
            event = ChatResumed(chat.chat_id, email)
        else:
            if self._made_chat is None:
                self._made_chat = chat = starter.make(self._channel, address)
                contact = await starter.start(self._channel, chat)
            else:
                chat = self._made_chat
                contact = await starter.start_again(self._channel, chat)
            event = ChatStarted(chat.chat_id)
        if not self._replies.closed:
            await parts.hub.join(chat, self)
        self.chat, self._contact = chat, contact
        if self._replies.closed:
            parts.hub.leave(chat, self)
            return
        self._replies.send(event)
        self._feed = parts.feed(chat, self._replies)
        await self._feed.start(is_new=resumed is None)

    async def _send_msgs(self, first: SendMsg) -> None:
        """Store a message, and with it those that the visitor sent right behind it."""
        chat = self._started()
        behind = self._queue.following(SendMsg, MAX_SENDS_AT_ONCE - 1)
        commands = self._within_rate(chat, [first, *behind])
        if not commands:
            return
        messages = [Incoming(command.text, command.ref or "") for command in commands]
        HOPS.tell("taken", chat, messages)
        last_confirmed = self._contact.last_confirmed if self._contact else ""
        try:
            results = await self._parts.outbound.say(chat, messages, last_confirmed=last_confirmed)
        except Exception as error:
            self._replies.failed(error, *commands)
            return
        for command, result in zip(commands, results, strict=True):
            if result == "full":
                self._replies.error("rate_limited", "too many messages are waiting", command, 30)
                continue
            if command.ref:
                self._replies.send(MsgAccepted(command.ref))
            if result == "queued":
                self._echo(chat, command)

    def _within_rate(self, chat: ChatKey, commands: list[SendMsg]) -> list[SendMsg]:
        """Those that the chat and the address may send now; the others are answered."""
        allowed = []
        for command in commands:
            if wait := self._parts.send_rates.take(chat, self._client.address, self._seconds()):
                self._replies.error("rate_limited", "too many messages", command, ceil(wait))
            else:
                allowed.append(command)
        return allowed

    def _echo(self, chat: ChatKey, command: SendMsg) -> None:
        others = self._parts.hub.others(chat, self)
        if others:
            now = time_of_timestamp(self._parts.now())
            said = Said(text=command.text, ref=command.ref or "", time=now)
            frame = encode_event(MsgEcho(said))
            for other in others:
                other.tell(frame)

    async def _ack_chat(self, command: AckChat) -> None:
        chat = self._started()
        if self._feed:
            # Whether or not it can be stored now: its visitor has seen it.
            self._feed.seen(command.name)
        try:
            await self._parts.outbound.acknowledge(chat, command.name, self._client.address)
        finally:
            if self._feed:
                self._feed.stored()

    async def _get_history(self, command: GetHistory) -> None:
        chat = self._started()
        wait = self._rates.history(self._seconds())
        if wait:
            raise CommandError("rate_limited", "too many pages", retry_after=ceil(wait))
        moment, address = command.moment, self._client.address
        page, self._contact = await self._parts.history.page(chat, self._contact, moment, address)
        self._replies.send_frame(history_frame(page.messages, more=page.more))

    async def _set_email(self, command: SetEmail) -> None:
        chat = self._started()
        wait = self._parts.email_rates.take(chat, self._seconds())
        if wait:
            raise CommandError("rate_limited", "too many addresses", retry_after=ceil(wait))
        self._contact = self._contact or await self._parts.chat_starter.contact(chat)
        # Courier wipes what is written at the visitor's next event; this note outlives that. Noted
        # first: an event that is under way may bring it back.
        await self._parts.notes.set_email(chat, command.email)
        if self._contact:
            await self._parts.store.set_email(self._contact, command.email)

    def _started(self) -> ChatKey:
        if self.chat is None:
            raise CommandError("chat_not_started", "start_chat comes first")
        return self.chat

    # From the hub.

    def arrived(self, item: OutboxItem) -> None:
        if self._feed:
            self._feed.arrived(item)

    def acked(self, number: int) -> None:
        if self._feed:
            self._feed.acked(number)

    def tell(self, frame: bytes) -> None:
        self._replies.send_frame(frame)

    def interrupted(self) -> None:
        if self._feed:
            self._feed.interrupted()

    def replaced(self) -> None:
        self._client.close(CLOSE_REPLACED, "replaced by a newer connection")

    def _seconds(self) -> float:
        return self._parts.clock.seconds()
