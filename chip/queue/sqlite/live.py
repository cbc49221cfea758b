"""The live push on SQLite (`ports.Live`): within one process, so nothing is sent anywhere."""

from chip.chat.ports import LiveListener, OutboxItem
from chip.models import ChatKey


class SqliteLive:
    """Tells the listener of this process what happens to the chats that are open here."""

    def __init__(self) -> None:
        self._open: set[ChatKey] = set()
        self._listener: LiveListener | None = None

    async def subscribe(self, chat: ChatKey) -> None:
        """Hear of this chat from now on."""
        self._open.add(chat)

    def unsubscribe(self, chat: ChatKey) -> None:
        """Stop hearing of this chat."""
        self._open.discard(chat)

    async def tell(self, chat: ChatKey, frame: bytes) -> None:
        """Send an event to every connection of the chat."""
        if self._listener is not None and chat in self._open:
            self._listener.told(chat, frame)

    def listen(self, listener: LiveListener) -> None:
        """Set who hears."""
        self._listener = listener

    def arrived(self, chat: ChatKey, item: OutboxItem) -> None:
        """Say that a message was stored. Called in the order of the numbers."""
        if self._listener is not None and chat in self._open:
            self._listener.arrived(chat, item)

    def acked(self, chat: ChatKey, number: int) -> None:
        """Say that a message was taken out."""
        if self._listener is not None and chat in self._open:
            self._listener.acked(chat, number)
