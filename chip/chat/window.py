"""What is under way to one connection: sent, and not yet acknowledged by anybody.

Pure bookkeeping. Numbers rise by one from message to message within a chat, so a number that is
skipped means that something was missed.
"""

import msgspec

from chip.chat.ports import OutboxItem
from chip.models import MsgName


class _Names(msgspec.Struct):
    """The names in a message's JSON. Another program may have written it: anything may be there."""

    uuid: object = ""


_names = msgspec.json.Decoder(_Names)


class Window:
    """The messages in flight on one connection, at most so many and so many bytes."""

    __slots__ = ("_bytes", "_flight", "_max_bytes", "_max_messages", "_seen", "last", "read_to")

    def __init__(self, max_messages: int, max_bytes: int) -> None:
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        # Number to size and names; None while nothing is in flight, which is nearly always.
        self._flight: dict[int, tuple[int, str, str]] | None = None
        self._bytes = 0
        # The outbox's id of the message whose ack is being stored for this connection; they are
        # stored one after the other.
        self._seen: str | None = None
        self.last = 0
        """The highest number that this connection has seen, or that it need not see any more."""
        self.read_to = 0
        """How far the outbox was read: to `last`, unless it is being read anew."""

    @property
    def room(self) -> int:
        """How many more messages may be sent now."""
        if self._bytes >= self._max_bytes:
            return 0
        return self._max_messages - len(self._flight or ())

    @property
    def oldest(self) -> int | None:
        """The lowest number in flight."""
        return min(self._flight) if self._flight else None

    def expects(self, number: int) -> bool:
        """Whether the message of this number follows the last one."""
        return number == self.last + 1

    def sends(self, item: OutboxItem) -> bool:
        """`item` is next to be handed to the connection. False if it is in flight already, under a
        number that it had before, or its ack is being stored."""
        self.read_to = item.number
        self.last = max(self.last, item.number)
        if item.id == self._seen:
            return False
        self.renumber(item)
        if self._flight and item.number in self._flight:
            return False
        try:
            uuid = str(_names.decode(item.msg_out).uuid)
        except msgspec.MsgspecError:
            return False  # Another program left it. No browser could show it: it will expire.
        if self._flight is None:
            self._flight = {}
        size = len(item.msg_out)
        self._flight[item.number] = (size, item.id, uuid)
        self._bytes += size
        return True

    def renumber(self, item: OutboxItem) -> None:
        """If `item` is in flight under another number, it has this one now."""
        flight = self._flight or {}
        for number, (_, outbox_id, _) in flight.items():
            if outbox_id == item.id and number != item.number:
                flight[item.number] = flight.pop(number)
                return

    def acked(self, number: int) -> bool:
        """Somebody acknowledged this message. Whether it was in flight here."""
        if not self._flight or number not in self._flight:
            return False
        self._bytes -= self._flight.pop(number)[0]
        if not self._flight:
            self._flight = None
        return True

    def forget(self) -> None:
        """Begin anew, as if nothing had been sent yet."""
        self._flight = None
        self._bytes = 0
        self.last = self.read_to = 0

    def seen(self, name: MsgName) -> None:
        """The message of this name is acknowledged on this very connection. Until that is `stored`,
        an outbox may still have it."""
        number = self._find(name)
        if number is not None and self._flight:
            self._seen = self._flight[number][1]
            self.acked(number)

    def stored(self) -> None:
        """That ack is stored, or not to be waited for."""
        self._seen = None

    def has(self, name: MsgName) -> bool:
        """Whether the message of this name is in flight."""
        return self._find(name) is not None

    def _find(self, name: MsgName) -> int | None:
        for number, (_, outbox_id, uuid) in (self._flight or {}).items():
            if outbox_id == name.outbox_id or (uuid and uuid == name.uuid):
                return number
        return None

    def keep_only(self, waiting: set[int], after: int, up_to: int) -> None:
        """Of the numbers above `after`, up to `up_to`, only `waiting` still wait for an ack."""
        gone = [n for n in self._flight or () if after < n <= up_to and n not in waiting]
        for number in gone:
            self.acked(number)
