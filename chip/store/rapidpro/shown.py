"""The SQL statements that show messages: pages of history, one message, and those on their way.

The releases differ in columns of ``msgs_msg``: the ticket and the quick replies have moved. The
newer column goes first where a database has both, row by row. Which columns there are is read from
the catalogue (`statements.COLUMNS`). The other statements are in `chip.store.rapidpro.statements`.
"""
# ruff: noqa: S608 - what is put into the text are constants of this module; values are parameters.

from collections.abc import Collection
from typing import Literal, NamedTuple

from chip.chat.ports import MAX_WIRED, PAGE_MESSAGES
from chip.store.rapidpro.connection import Statement
from chip.store.rapidpro.statements import BY, TIME


class ShownBy(NamedTuple):
    """All statements of this module, for one release."""

    history: Statement
    wired: Statement
    outgoing_by_id: Statement
    outgoing_by_uuid: Statement

    def outgoing(self, by: Literal["id", "uuid"]) -> Statement:
        """The one for an outgoing message."""
        return self.outgoing_by_id if by == "id" else self.outgoing_by_uuid


_TICKETS = ("ticket_uuid", "ticket_id")

# An entry is an object, or lines of which the first is the text. Without entries it is NULL.
_QUICK_REPLIES = {
    "quickreplies": """
        CASE jsonb_typeof(message.quickreplies) WHEN 'array' THEN (
            SELECT array_agg(entry->>'text' ORDER BY place)
            FROM jsonb_array_elements(message.quickreplies) WITH ORDINALITY AS _(entry, place)
            WHERE entry->>'text' <> '') END
    """,
    "quick_replies": r"""
        (SELECT array_agg(split_part(entry, E'\n', 1) ORDER BY place)
         FROM unnest(message.quick_replies) WITH ORDINALITY AS _(entry, place)
         WHERE split_part(entry, E'\n', 1) <> '')
    """,
}


def is_newer(columns: Collection[str]) -> bool:
    """Whether they are those of a release from 26.0 on, whose Couriers name messages by uuid."""
    return "quickreplies" in columns


def _moved(columns: Collection[str]) -> list[str]:
    """Those of the columns that not every release has."""
    return [name for name in (*_TICKETS, *_QUICK_REPLIES) if name in columns]


def _shown(columns: Collection[str], storage_url: str) -> str:
    """What is shown of a row `message`, as a list of SELECT. `storage_url` is the parameter that
    avatars are appended to."""
    tickets = [name for name in _TICKETS if name in columns]
    has_ticket = " OR ".join(f"message.{name} IS NOT NULL" for name in tickets) or "false"
    replies = [_QUICK_REPLIES[name] for name in _QUICK_REPLIES if name in columns]
    quick_replies = ", ".join(["NULL::text[]", *replies])
    return f"""
                message.id,
                CASE message.direction WHEN 'O' THEN message.uuid END AS uuid,
                message.text,
                nullif(message.attachments, '{{}}') AS attachments,
                CASE message.direction WHEN 'O' THEN coalesce({quick_replies}) END
                    AS quick_replies,
                CASE WHEN message.direction = 'I' THEN NULL
                     WHEN message.flow_id IS NOT NULL THEN 'flow'
                     WHEN message.broadcast_id IS NOT NULL THEN 'broadcast'
                     WHEN {has_ticket} THEN 'ticket'
                     ELSE 'chat' END AS origin,
                CASE message.direction WHEN 'O' THEN (
                    SELECT author FROM (
                        SELECT id, email, btrim(first_name || ' ' || last_name) AS name,
                               {storage_url}::text || nullif(avatar, '') AS avatar
                        FROM users_user WHERE id = message.created_by_id
                    ) author) END AS "user",
                {TIME} AS time
    """


def outgoing(columns: Collection[str], by: Literal["id", "uuid"]) -> Statement:
    """An outgoing message as JSON, from a ``msgs_msg`` that has these columns.

    $1 contact, $2 id or uuid, $3 URN, $4 the URL that avatars are appended to.
    """
    return Statement.of(
        f"""
        SELECT json_strip_nulls(row_to_json(shown))::text
        FROM (
            SELECT {_shown(columns, "$4")} FROM msgs_msg message
            WHERE {BY[by]} AND message.direction = 'O'
        ) shown
        """
    )


def history(columns: Collection[str]) -> Statement:
    """A page of history as JSON, from a ``msgs_msg`` that has these columns.

    $1 contact, $2 URN, $3 before, $4 the URL that avatars are appended to, $5 most bytes. Returns
    the page, which is empty text when the URN is not this contact's any more, and whether there are
    older messages. The windows count messages of the same time together; OFFSET 0 keeps an entry
    from being made once for its size and once more for the page. row_to_json and json_strip_nulls
    write compact JSON in the order of the columns; json_build_object and json_agg do not. Authors
    are shown though they are not active any more.
    """
    moved = "".join(f", {name}" for name in _moved(columns))
    return Statement.of(
        f"""
        SELECT CASE WHEN (SELECT is_active FROM contacts_contact WHERE id = $1)
            AND (SELECT contact_id FROM contacts_contacturn WHERE id = $2) = $1
        THEN '[' || coalesce(
            string_agg(entry, ',' ORDER BY created_on DESC, id DESC) FILTER (WHERE fits), ''
        ) || ']'
        ELSE '' END, coalesce(bool_or(NOT fits), false)::text
        FROM (SELECT message.created_on, message.id, entry,
            rank() OVER newest = 1 OR rank() OVER newest <= {PAGE_MESSAGES}
                AND sum(octet_length(entry) + 1) OVER newest <= $5::bigint AS fits
        FROM (
            SELECT id, uuid, direction, text, attachments, created_on, created_by_id, flow_id,
                   broadcast_id{moved}
            FROM msgs_msg
            WHERE contact_id = $1 AND coalesce(contact_urn_id = $2, false) AND created_on < $3
              AND msg_type = 'T' AND visibility IN ('V', 'A')
            ORDER BY created_on DESC FETCH FIRST {PAGE_MESSAGES + 1} ROWS WITH TIES
        ) message,
        LATERAL (
            SELECT {_shown(columns, "$4")}
        ) shown,
        LATERAL (
            SELECT CASE message.direction WHEN 'I' THEN '{{"msg_in":' ELSE '{{"msg_out":' END
                || json_strip_nulls(row_to_json(shown))::text || '}}' AS entry
            OFFSET 0
        ) entries
        WINDOW newest AS (ORDER BY message.created_on DESC)
        ) page
        """
    )


def wired(columns: Collection[str]) -> Statement:
    """A chat's messages that Courier has handed over and nobody has acknowledged, oldest first,
    from a ``msgs_msg`` that has these columns: id, uuid, ms since they were sent, and as JSON.

    $1 org, $2 identity, $3 what Courier calls the channel, $4 seconds that messages wait, $5
    seconds since the loss was noticed, $6 the URL that avatars are appended to, $7 most bytes,
    which the last row may exceed.

    Messages are shown in the order in which they were sent, so whoever acknowledged one has seen
    those before it: they are not looked for. What was acknowledged after the loss says nothing of
    what was lost. Courier writes that it has sent something up to half a second later, and each of
    several Couriers by itself: hence the minute.
    """
    moved = "".join(f", {name}" for name in _moved(columns))
    return Statement.of(
        f"""
        WITH chat AS (
            SELECT id, contact_id FROM contacts_contacturn urn
            WHERE urn.org_id + 0 = $1 AND urn.identity = $2
              AND (SELECT is_active FROM contacts_contact WHERE id = urn.contact_id)
        ),
        recent AS MATERIALIZED (
            SELECT id, uuid, direction, text, attachments, created_on, created_by_id, flow_id,
                   broadcast_id, status, sent_on{moved}
            FROM msgs_msg
            WHERE contact_id = (SELECT contact_id FROM chat)
              AND created_on > now() - $4::float * interval '1 second'
              AND coalesce(direction = 'O' AND status IN ('W', 'D', 'R') AND msg_type = 'T'
                  AND visibility IN ('V', 'A') AND contact_urn_id = (SELECT id FROM chat)
                  AND channel_id = (SELECT id FROM channels_channel WHERE uuid = $3), false)
            ORDER BY created_on DESC, id DESC LIMIT {MAX_WIRED}
        )
        SELECT id::text, uuid::text, age::text, entry FROM (
            SELECT message.id, message.uuid, entry,
                   round(extract(epoch FROM now() - message.sent_on) * 1000)::bigint AS age,
                   sum(octet_length(entry)) OVER (ORDER BY message.id) - octet_length(entry) AS sum
            FROM recent message,
            LATERAL (
                SELECT {_shown(columns, "$6")}
            ) shown,
            LATERAL (
                SELECT json_strip_nulls(row_to_json(shown))::text AS entry OFFSET 0
            ) entries
            WHERE status = 'W' AND sent_on > coalesce(
                (SELECT max(sent_on) - interval '1 minute' FROM recent
                 WHERE status <> 'W' AND sent_on < now() - $5::float * interval '1 second'),
                '-infinity')
        ) waiting
        WHERE sum < $7::bigint ORDER BY waiting.id
        """
    )


def shown_by(columns: Collection[str]) -> ShownBy:
    """All of them, from a ``msgs_msg`` that has these columns."""
    return ShownBy(
        history(columns), wired(columns), outgoing(columns, "id"), outgoing(columns, "uuid")
    )
