-- Claim a chat that is due and that nobody forwards.
-- KEYS  those of a spool, mark
-- ARGV  chat, process, grant, known, lost: see `asker`
-- Answers as `claim` does.
local chat, process, grant, known, lost = unpack(ARGV)
return claim(spool_of(KEYS, 1), chat, asker(process, grant, known, lost), true)
