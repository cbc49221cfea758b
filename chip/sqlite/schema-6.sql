-- Version 6. What became of everything that was accepted, each way; what waits is counted where it is.

CREATE TABLE balance (
    way      TEXT PRIMARY KEY,             -- to whom: visitors or courier
    accepted INTEGER NOT NULL,
    done     INTEGER NOT NULL DEFAULT 0,   -- acknowledged by the visitor, or confirmed by Courier
    given_up INTEGER NOT NULL DEFAULT 0    -- has waited too long, or was rejected
) WITHOUT ROWID;
INSERT INTO balance (way, accepted)
    SELECT 'visitors', (SELECT count(*) FROM outbox)
    UNION ALL SELECT 'courier', (SELECT count(*) FROM spool) + (SELECT count(*) FROM report);
