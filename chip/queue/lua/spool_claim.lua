-- Claim a chat that is due and that nobody forwards.
-- KEYS  those of a spool
-- ARGV  chat, channel, process, the ticket that it works with (0 for none), in_doubt (0 or 1):
--       an answer was lost, and with it perhaps a claim. Nothing was done under a claim of this
--       process that it does not know, so it is given anew at once.
-- Answers as `claim` does.
local chat, channel, process, ticket, in_doubt = unpack(ARGV)
local spool = spool_of(KEYS, 1)
if in_doubt == '1' then
  local claimed = redis.call('HMGET', spool.courier, 'owner', 'ticket')
  if claimed[1] == process and claimed[2] ~= ticket then
    redis.call('HDEL', spool.courier, 'owner', 'under_way')
    redis.call('ZADD', spool.spools, 'XX', NOW, chat)
  end
end
return claim(spool, chat, channel, process, true, ticket)
