"""The notes on SQLite: small things to remember about chats for a while (`ports.Notes`)."""

from sqlite3 import Connection

from chip.models import ChatKey
from chip.queue.sqlite.shared import DAY_MS, SqliteContext, chat_row, find_chat

_EMAIL_MS = 90 * DAY_MS


class SqliteNotes:
    """Columns of the chat's row."""

    def __init__(self, shared: SqliteContext) -> None:
        self._shared = shared

    async def chat_made(self, chat: ChatKey, seconds: int) -> None:
        """This chat id was made just now; remember that for so long."""
        await self._note(chat, "made_until", self._shared.now() + seconds * 1000)

    async def was_chat_made(self, chat: ChatKey) -> bool:
        """Whether this chat id is remembered as made."""
        now = self._shared.now()

        def look(connection: Connection) -> bool:
            row = find_chat(connection, chat)
            return row is not None and row["made_until"] > now

        return await self._shared.database.read(look)

    async def set_email(self, chat: ChatKey, email: str) -> None:
        """Remember the visitor's e-mail for 90 days."""
        await self._note(chat, "email", email, "email_until", self._shared.now() + _EMAIL_MS)

    async def email(self, chat: ChatKey) -> str:
        """The e-mail remembered for this chat, or ``""``."""
        now = self._shared.now()

        def look(connection: Connection) -> str:
            row = find_chat(connection, chat)
            return str(row["email"]) if row is not None and row["email_until"] > now else ""

        return await self._shared.database.read(look)

    async def _note(self, chat: ChatKey, *pairs: str | int) -> None:
        now = self._shared.now()
        columns = ", ".join(f"{name} = ?" for name in pairs[::2])

        def note(connection: Connection) -> None:
            chat_row(connection, chat, now)
            connection.execute(
                f"UPDATE chat SET {columns}, touched = ? WHERE name = ?",  # noqa: S608
                (*pairs[1::2], now, str(chat)),
            )

        await self._shared.database.write(note)
