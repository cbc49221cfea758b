"""Small things to remember about chats for a while (`ports.Notes`)."""

from typing import Final

from chip.models import ChatKey
from chip.queue.valkey.commands import Commands
from chip.queue.valkey.keys import Keys
from chip.queue.valkey.protocol import encode_command

_EMAIL_SECONDS: Final = b"%d" % (90 * 86_400)


class ValkeyNotes:
    """Strings that expire."""

    def __init__(self, commands: Commands, keys: Keys) -> None:
        self._commands = commands
        self._keys = keys

    async def chat_made(self, chat: ChatKey, seconds: int) -> None:
        """This chat id was made just now; remember that for so long."""
        key = self._keys.made(str(chat).encode())
        await self._set(key, b"1", b"%d" % seconds)

    async def was_chat_made(self, chat: ChatKey) -> bool:
        """Whether this chat id is remembered as made."""
        return bool(await self._commands.call(b"EXISTS", self._keys.made(str(chat).encode())))

    async def set_email(self, chat: ChatKey, email: str) -> None:
        """Remember the visitor's e-mail for 90 days."""
        key = self._keys.email(str(chat).encode())
        await self._set(key, email.encode(), _EMAIL_SECONDS)

    async def email(self, chat: ChatKey) -> str:
        """The e-mail remembered for this chat, or ``""``."""
        email: bytes | None = await self._commands.call(
            b"GET", self._keys.email(str(chat).encode())
        )
        return (email or b"").decode()

    async def _set(self, key: bytes, value: bytes, seconds: bytes) -> None:
        command = encode_command(b"SET", key, value, b"EX", seconds)
        await self._commands.send(command, replicated=self._keys.replicated)
