"""How much one connection may ask for, and how much a chat and an address may say."""

from chip.buckets import AddressBuckets, Buckets, TokenBucket, per_minute, take_all
from chip.limits import Limits
from chip.models import ChatKey


class ConnectionRates:
    """The rates of one connection, each kept from its first use: many connections use few.

    Every method returns 0 where the thing is allowed, or the seconds that it comes too early.
    """

    __slots__ = ("_bad", "_commands", "_history", "_limits", "_pings")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._bad: TokenBucket | None = None
        self._commands: TokenBucket | None = None
        self._history: TokenBucket | None = None
        self._pings: TokenBucket | None = None

    def bad_command(self, now: float) -> float:
        """A frame that is no command, or a command with something wrong in it."""
        if self._bad is None:
            self._bad = TokenBucket(*per_minute(self._limits.bad_commands_per_minute))
        return self._bad.take(now)

    def command(self, now: float) -> float:
        """Any command."""
        if self._commands is None:
            limits = self._limits
            self._commands = TokenBucket(limits.commands_per_second, limits.commands_burst)
        return self._commands.take(now)

    def history(self, now: float) -> float:
        """A page of history."""
        if self._history is None:
            limits = self._limits
            self._history = TokenBucket(limits.history_per_second, limits.history_burst)
        return self._history.take(now)

    def ping(self, now: float) -> float:
        """A ``ping``: browsers cannot send those of WebSocket."""
        if self._pings is None:
            limits = self._limits
            self._pings = TokenBucket(limits.pings_per_second, limits.pings_burst)
        return self._pings.take(now)


class SendRates:
    """How much each chat may say, and each address in all its chats."""

    def __init__(self, limits: Limits) -> None:
        self._chats = Buckets(limits.sends_per_second, limits.sends_burst)
        self._addresses = AddressBuckets(
            limits.address_sends_per_second,
            limits.address_sends_burst,
            limits.addresses_per_network,
        )

    def take(self, chat: ChatKey, address: str, now: float) -> float:
        """Note a message, or return the seconds that it comes too early."""
        return take_all(now, (self._addresses, address), (self._chats, chat))
