-- Version 3. A chat whose contact is made by its visitor's first message is remembered for longer.
-- There are External channels, on Couriers whose database is not to be seen.

ALTER TABLE chat ADD COLUMN made_until INTEGER NOT NULL DEFAULT 0;
UPDATE chat SET made_until = made_on + 60000 WHERE made_on > 0;
ALTER TABLE chat DROP COLUMN made_on;

-- What Courier calls the channel ('': it is no External one, or not known to RapidPro yet), where
-- that Courier is, and how many bytes of text it sends at once.
ALTER TABLE channel ADD COLUMN external_uuid TEXT NOT NULL DEFAULT '';
ALTER TABLE channel ADD COLUMN courier TEXT NOT NULL DEFAULT '';
ALTER TABLE channel ADD COLUMN max_length INTEGER NOT NULL DEFAULT 6400;
CREATE UNIQUE INDEX channel_external ON channel (external_uuid)
    WHERE external_uuid <> '' AND is_active;

-- The parts in which a message came from such a Courier, in order. What is shown is kept for a
-- while, since Courier repeats messages.
CREATE TABLE part (
    chat          TEXT NOT NULL,       -- its name
    uuid          TEXT NOT NULL,       -- the message's
    position      INTEGER NOT NULL,
    msg_id        INTEGER,             -- what Courier calls the message, where that is a number
    text          TEXT NOT NULL,
    quick_replies TEXT NOT NULL DEFAULT '[]',
    came_on       INTEGER NOT NULL,    -- microseconds since 1970
    shown         INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (chat, uuid, position)
) WITHOUT ROWID;
CREATE INDEX part_by_time ON part (came_on);
CREATE INDEX part_waiting ON part (chat) WHERE NOT shown;
