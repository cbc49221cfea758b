"""What is written with every message of a conversation: steps inside a transaction."""

from sqlite3 import Connection

from chip.models import Channel


def contact_of(db: Connection, channel: Channel, chat_id: str, now: int) -> int:
    """The contact who has this chat, made where there is none."""
    db.execute(
        "INSERT INTO contact (org_id, channel_uuid, chat_id, created_on, modified_on, active_on)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (org_id, chat_id)"
        " DO UPDATE SET channel_uuid = excluded.channel_uuid",
        (channel.org_id, channel.uuid, chat_id, now, now, now),
    )
    row = db.execute(
        "SELECT id FROM contact WHERE org_id = ? AND chat_id = ?", (channel.org_id, chat_id)
    ).fetchone()
    return int(row["id"])


def moment_after_all(db: Connection, contact: int, now: int) -> int:
    """A time for the conversation's next message: now, but later than all before it."""
    row = db.execute(
        "SELECT created_on FROM message WHERE contact_id = ? ORDER BY created_on DESC LIMIT 1",
        (contact,),
    ).fetchone()
    moment = max(now, row["created_on"] + 1) if row else now
    db.execute("UPDATE contact SET active_on = ? WHERE id = ?", (moment, contact))
    return moment
