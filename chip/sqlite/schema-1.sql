-- Version 1. Times are microseconds since 1970 in the store, milliseconds in the queues.

-- The store: what RapidPro keeps elsewhere.

CREATE TABLE channel (
    uuid       TEXT PRIMARY KEY,
    org_id     INTEGER NOT NULL,
    name       TEXT NOT NULL,
    secret     TEXT NOT NULL,
    is_active  INTEGER NOT NULL DEFAULT 1,
    created_on INTEGER NOT NULL
);

CREATE TABLE user (
    id         INTEGER PRIMARY KEY,
    email      TEXT NOT NULL DEFAULT '',
    first_name TEXT NOT NULL DEFAULT '',
    last_name  TEXT NOT NULL DEFAULT '',
    avatar     TEXT NOT NULL DEFAULT '',
    is_active  INTEGER NOT NULL DEFAULT 1
);

-- A contact is one visitor's chat. `email` is what RapidPro keeps as the URN's display.
CREATE TABLE contact (
    id           INTEGER PRIMARY KEY,
    org_id       INTEGER NOT NULL,
    channel_uuid TEXT NOT NULL REFERENCES channel (uuid),
    chat_id      TEXT NOT NULL,
    name         TEXT NOT NULL DEFAULT '',    -- what the desk calls the visitor
    email        TEXT NOT NULL DEFAULT '',
    created_on   INTEGER NOT NULL,
    modified_on  INTEGER NOT NULL,
    active_on    INTEGER NOT NULL,            -- newest message, or the start
    read_id      INTEGER NOT NULL DEFAULT 0,  -- newest message that somebody at the desk has seen
    answered     INTEGER NOT NULL DEFAULT 0,  -- whether a person has taken over from the guide
    UNIQUE (org_id, chat_id)
);
CREATE INDEX contact_by_activity ON contact (active_on DESC, id DESC);

CREATE TABLE message (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid          TEXT NOT NULL UNIQUE,
    contact_id    INTEGER NOT NULL REFERENCES contact (id),
    direction     TEXT NOT NULL CHECK (direction IN ('I', 'O')),
    text          TEXT NOT NULL,
    attachments   TEXT NOT NULL DEFAULT '[]',
    quick_replies TEXT NOT NULL DEFAULT '[]',
    origin        TEXT NOT NULL DEFAULT '',
    user_id       INTEGER REFERENCES user (id),
    -- I: H(andled). O: Q(ueued), W(ired), D(elivered), F(ailed).
    status        TEXT NOT NULL CHECK (status IN ('H', 'Q', 'W', 'D', 'F')),
    created_on    INTEGER NOT NULL
);
CREATE INDEX message_by_time ON message (contact_id, created_on DESC, id DESC);
CREATE INDEX message_by_id ON message (contact_id, direction, id);
CREATE INDEX message_queued ON message (id) WHERE status = 'Q';

CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- The queues. A chat is named `<chat id>@<channel uuid>`.

CREATE TABLE chat (
    name            TEXT PRIMARY KEY,
    touched         INTEGER NOT NULL,
    head            INTEGER NOT NULL DEFAULT 0,   -- newest number given out
    -- The spool: when it may be claimed next (NULL: nothing waits), and by whom it is.
    due             INTEGER,
    ticket          INTEGER NOT NULL DEFAULT 0,   -- rises with every claim
    claimed_by      TEXT NOT NULL DEFAULT '',
    under_way       INTEGER NOT NULL DEFAULT 0,   -- entries that the claim holds
    unknown         INTEGER NOT NULL DEFAULT 0,   -- entries that may have arrived already
    tries           INTEGER NOT NULL DEFAULT 0,
    failing_since   INTEGER NOT NULL DEFAULT 0,
    last_heard      TEXT,                         -- uuid of the last message that Courier confirmed
    last_text       TEXT NOT NULL DEFAULT '',
    last_text_on    INTEGER NOT NULL DEFAULT 0,
    -- Notes.
    made_on         INTEGER NOT NULL DEFAULT 0,
    email           TEXT NOT NULL DEFAULT '',
    email_until     INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX chat_due ON chat (due) WHERE due IS NOT NULL;

CREATE TABLE outbox (
    chat    TEXT NOT NULL,
    number  INTEGER NOT NULL,
    msg_id  INTEGER,
    uuid    TEXT NOT NULL,
    stored  INTEGER NOT NULL,
    msg_out BLOB NOT NULL,
    PRIMARY KEY (chat, number)
);
CREATE INDEX outbox_by_age ON outbox (stored);

CREATE TABLE spool (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    chat   TEXT NOT NULL,
    stored INTEGER NOT NULL,
    said   INTEGER NOT NULL,   -- 1: from the visitor; 0: a report, which has room of its own
    event  BLOB NOT NULL
);
CREATE INDEX spool_by_chat ON spool (chat, id);
CREATE INDEX spool_said ON spool (chat) WHERE said;

-- How much visitors have waiting in all: counting it afresh for each message would be too slow.
CREATE TABLE spool_total (said INTEGER NOT NULL);
INSERT INTO spool_total VALUES (0);
CREATE TRIGGER spool_grows AFTER INSERT ON spool WHEN new.said
BEGIN UPDATE spool_total SET said = said + 1; END;
CREATE TRIGGER spool_shrinks AFTER DELETE ON spool WHEN old.said
BEGIN UPDATE spool_total SET said = said - 1; END;

-- What was appended already: names of messages (m…) and refs of visitors (r…).
CREATE TABLE seen (
    chat  TEXT NOT NULL,
    name  TEXT NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (chat, name)
) WITHOUT ROWID;
CREATE INDEX seen_until ON seen (until);

CREATE TABLE era (
    channel_uuid TEXT PRIMARY KEY,
    era          TEXT NOT NULL
) WITHOUT ROWID;

-- Who is at work: claims of a token that is not here, or here no longer, are dead.
CREATE TABLE process (
    token TEXT PRIMARY KEY,
    until INTEGER NOT NULL
) WITHOUT ROWID;
