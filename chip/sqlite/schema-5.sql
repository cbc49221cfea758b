-- Version 5. When a website is answered, and what it says then and at other times.

ALTER TABLE channel ADD COLUMN hours TEXT NOT NULL DEFAULT '';       -- '': nothing is said
ALTER TABLE channel ADD COLUMN zone TEXT NOT NULL DEFAULT '';        -- of the hours, as in Europe/Paris
ALTER TABLE channel ADD COLUMN available TEXT NOT NULL DEFAULT '';   -- '': the widget's own words
ALTER TABLE channel ADD COLUMN away TEXT NOT NULL DEFAULT '';

-- How long answers took is asked of a channel's newest conversations.
CREATE INDEX contact_by_channel ON contact (channel_uuid, active_on DESC);
