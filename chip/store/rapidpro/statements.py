"""The SQL statements on RapidPro's tables, for every release that is supported.

    channels_channel     read     the channels and their secrets
    contacts_contacturn  read     which contact has which chat        written: display
    contacts_contact     read     whether it is active                written: modified_on
    users_user           read     who wrote a message
    msgs_msg             read     the messages

The statements that show messages differ by release: see `chip.store.rapidpro.shown`. Parameters are
sent without a type, so that ``uuid = $1`` fits a uuid and a varchar alike. Every statement is safe
to run twice, and returns text, never NULL.

``column + 0`` keeps the planner from using that column's index where another index is the right
one: its statistics may be those of empty tables. ``coalesce`` does that too, and also hides how few
rows a condition leaves. Of ``msgs_msg`` the rows wanted are mostly the newest of the index
``(contact_id, created_on DESC, id DESC)``; the planner, which takes contact and URN for independent
and so expects few rows, would collect and sort all of a contact's messages instead.
"""
# ruff: noqa: S608 - what is put into the text are constants of this module; values are parameters.

from typing import Final, Literal

from chip.chat.ports import MAX_HEARD
from chip.store.rapidpro.connection import Statement

BIGINT: Final = 2**63
"""One more than the largest id that a column can hold."""
TOO_SLOW: Final = "57014"
"""The SQLSTATE of a statement that the server gave up."""
SCHEME: Final = "webchat:"
"""What the identity of a chat's URN begins with."""

COLUMNS = Statement.of(
    """
    SELECT attname::text FROM pg_attribute
    WHERE attrelid = 'msgs_msg'::regclass AND attnum > 0 AND NOT attisdropped
    """
)

CHANNEL = Statement.of(
    """
    SELECT org_id::text, coalesce(config->>'secret', '')
    FROM channels_channel
    WHERE uuid = $1 AND channel_type = 'CHP' AND is_active AND org_id IS NOT NULL
    """
)

EXTERNAL_CHANNEL = Statement.of(
    """
    SELECT org_id::text, coalesce(config->>'send_authorization', '')
    FROM channels_channel
    WHERE uuid = $1 AND channel_type = 'EX' AND is_active AND org_id IS NOT NULL
      AND 'webchat' = ANY(schemes)
    """
)

EXTERNAL_CHANNELS = Statement.of(
    """
    SELECT uuid::text, org_id::text, coalesce(config->>'send_authorization', '')
    FROM channels_channel
    WHERE channel_type = 'EX' AND is_active AND org_id IS NOT NULL AND 'webchat' = ANY(schemes)
    ORDER BY id
    """
)

RECENT_MESSAGES = 50
"""The newest messages of a contact, among which its newest incoming one is looked for first."""

# The newest incoming message is the one with the highest id: ids rise as rows are written, while
# the clocks of several Couriers may differ. Mostly it is among the contact's newest rows; if not
# (after many broadcasts, or messages on other URNs) all of the contact's messages are read.
CONTACT = Statement.of(
    f"""
    SELECT urn.contact_id::text, urn.id::text, coalesce(urn.display, ''), coalesce(
        (SELECT uuid::text FROM (
            SELECT id, uuid, direction, contact_urn_id FROM msgs_msg
            WHERE contact_id = urn.contact_id
            ORDER BY created_on DESC, id DESC LIMIT {RECENT_MESSAGES}
         ) recent
         WHERE direction = 'I' AND contact_urn_id = urn.id ORDER BY id DESC LIMIT 1),
        (SELECT uuid::text FROM msgs_msg
         WHERE contact_id = urn.contact_id AND contact_urn_id = urn.id AND direction = 'I'
         ORDER BY id + 0 DESC LIMIT 1),
        '')
    FROM contacts_contacturn urn
    WHERE urn.org_id + 0 = $1 AND urn.identity = $2
      AND (SELECT is_active FROM contacts_contact WHERE id = urn.contact_id)
    """
)

USER = Statement.of(
    """
    SELECT id::text, email, btrim(first_name || ' ' || last_name), coalesce(avatar, '')
    FROM users_user WHERE id = $1::bigint AND is_active
    """
)

# Not created_on::text, whose format depends on settings of the database.
TIME = """
    rtrim(rtrim(to_char(message.created_on AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'),
                '0'), '.') || 'Z'
"""

BY: Final[dict[Literal["id", "uuid"], str]] = {
    "id": "message.id = $2 AND (message.contact_id + 0 = $1 OR message.contact_urn_id + 0 = $3)",
    # Not every release has an index on uuid. The message is a recent one of the contact.
    "uuid": """
        message.id = coalesce(
            (SELECT id FROM msgs_msg WHERE contact_id = $1 AND uuid = $2
             ORDER BY created_on DESC, id DESC LIMIT 1),
            (SELECT id FROM msgs_msg WHERE contact_urn_id = $3 AND uuid = $2
             ORDER BY id + 0 DESC LIMIT 1))
    """,
}
"""Which ``message`` of a contact, $1, has the id or uuid $2. What was queued for its URN, $3,
before RapidPro moved the chat to this contact is another contact's for ever."""

MESSAGE = {
    by: Statement.of(
        f"""
        SELECT id::text, uuid::text, {TIME} FROM msgs_msg message
        WHERE {condition} AND direction = 'O'
        """
    )
    for by, condition in BY.items()
}

SET_EMAIL = Statement.of(
    """
    WITH written AS (
        UPDATE contacts_contacturn SET display = $2
        WHERE id = $1 AND display IS DISTINCT FROM $2
          AND (NOT $3::boolean OR coalesce(display, '') = '')
        RETURNING contact_id
    )
    UPDATE contacts_contact SET modified_on = now() WHERE id IN (SELECT contact_id FROM written)
    """
)


HEARD_SINCE = Statement.of(
    f"""
    SELECT uuid::text, text FROM msgs_msg
    WHERE contact_id = $1 AND contact_urn_id = $2 AND direction = 'I'
      AND created_on > now() - $4::float * interval '1 second'
      AND id + 0 > coalesce(
          (SELECT id FROM msgs_msg WHERE contact_id = $1 AND uuid = $3::uuid
           ORDER BY created_on DESC, id DESC LIMIT 1), 0)
    ORDER BY id + 0 LIMIT {MAX_HEARD}
    """
)

ALWAYS = (
    *(CHANNEL, EXTERNAL_CHANNEL, EXTERNAL_CHANNELS, CONTACT, USER, *MESSAGE.values()),
    *(SET_EMAIL, HEARD_SINCE),
)
"""The statements that are the same for all releases."""

SERVER_STATE = Statement.of(
    """
    SELECT current_setting('server_version'), current_user::text, pg_is_in_recovery()::text,
           current_setting('transaction_read_only')
    """
)

# For an operator who asks which channels there are.
CHANNELS = Statement.of(
    """
    SELECT channel_type, uuid::text, org_id::text, name, role, config::text
    FROM channels_channel
    WHERE is_active AND org_id IS NOT NULL
      AND (channel_type = 'CHP' OR channel_type = 'EX' AND 'webchat' = ANY(schemes))
    ORDER BY id
    """
)

# For an operator who asks what became of something. A message may be anybody's, of any channel.

_OF_A_CHANNEL = """
           coalesce(channel.channel_type, ''), coalesce(channel.uuid::text, ''),
           coalesce(channel.config->>'send_authorization', '')
"""
_WEBCHAT = """
    (channel.channel_type = 'CHP'
     OR channel.channel_type = 'EX' AND 'webchat' = ANY(channel.schemes))
"""

FIND_CHAT = Statement.of(
    f"""
    SELECT urn.contact_id::text,
           (SELECT is_active FROM contacts_contact WHERE id = urn.contact_id)::text,
           channel.is_active::text, {_OF_A_CHANNEL}
    FROM contacts_contacturn urn
    JOIN channels_channel channel ON channel.org_id = urn.org_id AND {_WEBCHAT}
    WHERE urn.identity = $1 AND urn.contact_id IS NOT NULL
    ORDER BY channel.id = urn.channel_id DESC NULLS LAST, channel.is_active DESC, channel.id
    """
)

_FOUND_MESSAGE = f"""
    SELECT message.id::text, message.uuid::text, message.direction, message.status, {TIME},
           coalesce(urn.identity, ''), {_OF_A_CHANNEL}
    FROM msgs_msg message
    LEFT JOIN contacts_contacturn urn ON urn.id = message.contact_urn_id
    LEFT JOIN channels_channel channel ON channel.id = message.channel_id AND {_WEBCHAT}
"""
FIND_MESSAGE_BY_ID = Statement.of(f"{_FOUND_MESSAGE} WHERE message.id = $1")
FIND_MESSAGE_BY_UUID = Statement.of(f"{_FOUND_MESSAGE} WHERE message.uuid = $1")
