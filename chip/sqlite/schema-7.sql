-- Version 7. Outboxes are filled from RapidPro's rows where this database is new and they are not.

ALTER TABLE chat ADD COLUMN filled TEXT NOT NULL DEFAULT '';  -- the value of `made` at the last time
INSERT INTO setting VALUES ('made', strftime('%s', 'now') || '000');
-- This database was there all the time.
UPDATE chat SET filled = (SELECT value FROM setting WHERE name = 'made');
