-- Claim a chat that is due and that nobody forwards.
-- KEYS  those of a spool
-- ARGV  chat, process, the ticket that it works with ('' for none)
-- Answers as `claim` does.
local chat, process, ticket = unpack(ARGV)
return claim(spool_of(KEYS, 1), chat, process, true, ticket)
