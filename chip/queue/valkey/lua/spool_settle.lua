-- Say how an attempt ended, and give the claim up or go on with the next batch.
-- KEYS  those of a spool, refs
-- ARGV  chat, channel, process, ticket, remove, last heard, last text, failed (0 or 1),
--       unknown, delay, may_continue (0 or 1), refs to forget…
-- Answers as `claim` does; 'elsewhere' when this claim is over already.
local spool, refs = spool_of(KEYS, 1), KEYS[9]
local chat, channel, process, ticket, remove, last_heard, last_text, failed, unknown, delay,
  may_continue = unpack(ARGV)
remove, unknown, delay = tonumber(remove), tonumber(unknown), tonumber(delay)

local claimed = redis.call('HMGET', spool.courier, 'owner', 'ticket')
if claimed[1] ~= process or claimed[2] ~= ticket then
  return {'elsewhere'}
end
-- First, because it needs no memory: whatever follows a first write that was allowed is allowed.
redis.call('HDEL', spool.courier, 'owner', 'under_way')

if remove > 0 then
  local removed, said = redis.call('LRANGE', spool.list, 0, remove - 1), 0
  for _, entry in ipairs(removed) do
    if string.find(entry, '^{"ts":%d+,"kind":"in"') then
      said = said + 1
    end
  end
  redis.call('LTRIM', spool.list, remove, -1)
  redis.call('HDEL', spool.courier, 'tries', 'failing')
  count_out(spool, chat, #removed, said)
end
for index = 12, #ARGV do
  redis.call('ZREM', refs, ARGV[index])
end
if last_heard ~= '' then
  redis.call('HSET', spool.courier, 'heard', last_heard)
end
if last_text ~= '' then
  redis.call('HSET', spool.courier, 'text', last_text, 'text_at', NOW)
end
redis.call('EXPIRE', spool.courier, COURIER_SECONDS)

if redis.call('EXISTS', spool.list) == 0 then
  forget_claim(spool, chat)
  return {'idle'}
end
if failed == '1' then
  redis.call('HINCRBY', spool.courier, 'tries', 1)
  redis.call('HSETNX', spool.courier, 'failing', NOW)
end
redis.call('HSET', spool.courier, 'unknown', unknown)
if delay > 0 or may_continue ~= '1' then
  redis.call('ZADD', spool.spools, NOW + delay, chat)
  return {'waiting'}
end
return grant(spool, chat, channel, process)
