"""What somebody at the desk of a Chip that runs alone does, over the desk's own HTTP.

For `tests.support.visitors.Visitors` it does what a Courier does elsewhere: say something to a
chat, again if need be, and tell what has arrived. That is read where it is kept, so that it is
known even while Chip is dead. The methods block; `apart` has the same in a thread.
"""

from __future__ import annotations

import sqlite3
import uuid
from pathlib import Path
from typing import Any

from chip.sqlite.files import database_path
from tests.support.fetch import fetch
from tests.support.in_thread import InThread
from tests.support.rapidpro import Channel

TOKEN = "open sesame"


class DeskApi:
    """Sits at the desk of the Chip whose data is in `data_dir`. Its desk_token must be TOKEN."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._cookie = ""

    @property
    def apart(self) -> InThread:
        """The same methods, each run in a thread and returning a Deferred."""
        return InThread(self)

    def channel(self) -> Channel:
        """The channel that was made for a website."""
        [(number, address, secret)] = self._query(
            "SELECT org_id, uuid, secret FROM channel WHERE NOT is_front"
        )
        return Channel(number, number, address, secret)

    def send(self, channel: Channel, chat: str, text: str, *, chip: str) -> dict[str, Any]:
        """Say something to a visitor; `status` is None when the desk did not answer."""
        [(conversation,)] = self._query("SELECT id FROM contact WHERE chat_id = ?", chat)
        path = f"/desk/api/conversations/{conversation}/messages"
        sent = {"path": path, "body": {"uuid": str(uuid.uuid4()), "text": text}}
        return sent | {"status": self._post(chip, **sent)}

    def again(self, sent: dict[str, Any], *, chip: str) -> list[dict[str, Any]]:
        """The same once more."""
        return [sent | {"status": self._post(chip, sent["path"], sent["body"])}]

    def texts(self, chat: str | None = None) -> list[str]:
        """What visitors said, in the order of arrival."""
        rows = self._query(
            "SELECT text FROM message JOIN contact ON contact.id = contact_id"
            " WHERE direction = 'I' AND coalesce(chat_id = ?, 1) ORDER BY message.id",
            chat,
        )
        return [text for (text,) in rows]

    def states(self) -> set[str]:
        """The states in which messages to visitors are."""
        return {
            state
            for (state,) in self._query("SELECT DISTINCT status FROM message WHERE direction = 'O'")
        }

    def _post(self, chip: str, path: str, body: dict[str, Any]) -> int | None:
        try:
            if not self._cookie:
                form = f"token={TOKEN.replace(' ', '+')}".encode()
                answer = fetch(f"{chip}/desk/login", method="POST", body=form)
                if answer.status >= 400:  # it is stopping
                    return answer.status
                self._cookie = answer.headers["set-cookie"].partition(";")[0]
            headers = {"Cookie": self._cookie, "X-Chip-Desk": "1"}
            return fetch(f"{chip}{path}", method="POST", body=body, headers=headers).status
        except OSError:
            return None

    def _query(self, query: str, *parameters: Any) -> list[Any]:
        connection = sqlite3.connect(f"file:{database_path(self._data_dir)}?mode=ro", uri=True)
        try:
            return connection.execute(query, parameters).fetchall()
        finally:
            connection.close()
