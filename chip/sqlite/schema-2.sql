-- Version 2. Reports rest before they join the spool. Courier is told every name of a message, so
-- nobody need know any more by which one it goes. Who was let in at the desk can be sent away.

CREATE TABLE report (
    chat  TEXT NOT NULL,
    event TEXT NOT NULL,       -- as in the spool
    ready INTEGER NOT NULL,    -- from when on it may go
    PRIMARY KEY (chat, event)
) WITHOUT ROWID;
CREATE INDEX report_by_time ON report (chat, ready);

ALTER TABLE chat ADD COLUMN not_before INTEGER NOT NULL DEFAULT 0;  -- the next attempt must wait
ALTER TABLE chat ADD COLUMN reason TEXT NOT NULL DEFAULT '';        -- why the last one ended so

DROP TABLE era;

CREATE TABLE desk_session (
    digest TEXT PRIMARY KEY,   -- of the cookie
    label  TEXT NOT NULL,      -- of the configured token under which it began
    until  INTEGER NOT NULL    -- seconds since 1970
) WITHOUT ROWID;
