-- Version 3. A chat whose contact is made by its visitor's first message is remembered for longer.

ALTER TABLE chat ADD COLUMN made_until INTEGER NOT NULL DEFAULT 0;
UPDATE chat SET made_until = made_on + 60000 WHERE made_on > 0;
ALTER TABLE chat DROP COLUMN made_on;
