-- Version 4. The front page has a channel of its own, where the guide answers: on those of websites
-- it never does.

ALTER TABLE channel ADD COLUMN is_front INTEGER NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX channel_front ON channel (is_front) WHERE is_front;
