"""txredisapi's protocols, adapted to Chip.

What is different from the library's: a command is bytes that were encoded once; logging in is left
to whoever connects, because the library gives up for ever after one failed AUTH; the loss of a
connection is told; and confirmations of subscriptions are matched by name, because the library
answers the next waiter with whatever confirmation comes first.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from txredisapi import RedisProtocol, ResponseError, SubscriberProtocol


def encode(arguments: Iterable[bytes]) -> bytes:
    """Arguments as the wire has them, without the count that goes before."""
    return b"".join([b"$%d\r\n%b\r\n" % (len(item), item) for item in arguments])


def encode_command(*arguments: bytes) -> bytes:
    """A whole command as the wire has it."""
    return b"*%d\r\n" % len(arguments) + encode(arguments)


_PING: Final = encode_command(b"PING")
_THERE: Final = ("MISCONF", "BUSY ")


class CommandProtocol(RedisProtocol):  # type: ignore[misc]
    """A connection that commands go through, each answered in its turn."""

    def __init__(self) -> None:
        super().__init__(charset=None, convertNumbers=False)
        self.lost: Callable[[Failure], None] | None = None
        self.reason = Failure(ConnectionDone())

    def request(self, command: bytes) -> "Deferred[Any]":
        """Send an encoded command. Fails with ResponseError or the library's ConnectionError."""
        self.transport.write(command)
        answer: Deferred[Any] = self.replyQueue.get()
        return answer.addCallback(self.handle_reply)

    def requests(self, commands: Sequence[bytes]) -> "list[Deferred[Any]]":
        """The same of several commands."""
        self.transport.write(b"".join(commands))
        answers: list[Deferred[Any]] = [self.replyQueue.get() for _ in commands]
        return [answer.addCallback(self.handle_reply) for answer in answers]

    async def ping(self) -> None:
        """Return once the server has done what it was asked before. One that takes no writes, or is
        busy with a script, says so to this as well, and is there all the same."""
        try:
            await self.request(_PING)
        except ResponseError as error:
            if not str(error).startswith(_THERE):
                raise

    def tryConvertData(self, data: object) -> object:
        # Answers are bytes and stay so; the library would walk through all of them to say it.
        return data

    def connectionLost(self, why: Failure) -> None:
        self.reason = why
        # First, so that nobody who is told that his answer is lost asks for it here again.
        if self.lost is not None:
            self.lost(why)
        super().connectionLost(why)


class SubscriptionProtocol(CommandProtocol, SubscriberProtocol):  # type: ignore[misc]
    """A connection that listens. Only PING and logging in are answered in their turn."""

    on_message: Callable[[bytes, bytes], None]
    on_subscribed: Callable[[bytes], None]

    def write(self, verb: bytes, channels: list[bytes]) -> None:
        """SUBSCRIBE or UNSUBSCRIBE. Each channel is confirmed by itself."""
        self.transport.write(encode_command(verb, *channels))

    def replyReceived(self, reply: Any) -> None:
        match reply:
            case [b"message", channel, payload]:
                self.on_message(channel, payload)
            case [b"subscribe", channel, _]:
                self.on_subscribed(channel)
            case [b"unsubscribe", _, _]:
                pass
            case _ if self.replyQueue.waiting:
                self.replyQueue.put(reply)
            case _:
                # An error that answers a SUBSCRIBE, most likely. Nobody knows any more what is
                # subscribed and what is not: begin afresh.
                self.transport.abortConnection()
