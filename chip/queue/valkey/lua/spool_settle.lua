-- Note how an attempt ended, and give the claim up or go on with the next batch.
-- KEYS  those of a spool, mark, refs
-- ARGV  chat, process, grant, known, lost (see `asker`; `known` is the claim that is settled),
--       may_continue (0 or 1), the outcome as JSON: see `Outcome` in chat/outbound/ports.py, whose
--       defaults are left out
-- Answers what the visitor has told of himself, if anything was to be removed, and then as `claim`
-- does; 'elsewhere' when this claim is over already, by a call perhaps whose answer was lost.
local spool, refs = spool_of(KEYS, 1), KEYS[11]
local chat, process, grant, known, lost, may_continue, outcome = unpack(ARGV)
outcome = cjson.decode(outcome)
local remove, rejected = outcome.remove or 0, outcome.rejected or 0
local delay = outcome.delay or 0

local email = remove > 0 and redis.call('GET', spool.email) or ''
local claimed = redis.call('HMGET', spool.courier, 'owner', 'grant', 'doubtful')
if claimed[1] ~= process or claimed[2] ~= known then
  -- It may have been settled by a call whose answer was lost, and the chat been granted anew.
  if claimed[1] == process and asker(process, grant, known, lost).lost[claimed[2]] then
    take_back(spool)
    return {email, unpack(give(spool, chat, process, grant))}
  end
  return {email, 'elsewhere'}
end
-- First, because it needs no memory: whatever follows a first write that was allowed is allowed.
redis.call('HDEL', spool.courier, 'owner', 'under_way')

if remove > 0 then
  local removed, said = redis.call('LRANGE', spool.list, 0, remove - 1), 0
  for index, entry in ipairs(removed) do
    if string.find(entry, '^{"ts":%d+,"kind":"in"') then
      said = said + 1
      local ref = index <= rejected and cjson.decode(entry).ref
      if ref then
        redis.call('ZREM', refs, '=' .. ref)
      end
    end
  end
  redis.call('LTRIM', spool.list, remove, -1)
  redis.call('HDEL', spool.courier, 'tries', 'failing')
  count_out(spool, chat, #removed, said, math.min(rejected, #removed))
end
if outcome.last_confirmed then
  redis.call('HSET', spool.courier, 'heard', outcome.last_confirmed)
end
if outcome.last_text then
  redis.call('HSET', spool.courier, 'text', outcome.last_text, 'text_at', NOW)
end
redis.call('EXPIRE', spool.courier, COURIER_SECONDS)

redis.call('HSET', spool.courier, 'reason', outcome.reason or '')
if redis.call('EXISTS', spool.list) == 0 then
  return {email, unpack(forget_claim(spool, chat))}
end
if outcome.failed then
  redis.call('HINCRBY', spool.courier, 'tries', 1)
  redis.call('HSETNX', spool.courier, 'failing', NOW)
end
redis.call('HSET', spool.courier, 'unknown', outcome.unknown or 0)
if tonumber(claimed[3] or 0) > 0 then
  -- What was in doubt was asked for: where none has arrived, none behind has.
  local known = remove == 0 and (outcome.unknown or 0) == 0
  local left = known and 0 or math.max(0, tonumber(claimed[3]) - remove)
  redis.call('HSET', spool.courier, 'doubtful', left)
end
if delay > 0 then
  redis.call('HSET', spool.courier, 'not_before', NOW + delay)
end
if delay > 0 or may_continue ~= '1' then
  redis.call('ZADD', spool.spools, NOW + delay, chat)
  return {email, 'waiting', delay}
end
return {email, unpack(give(spool, chat, process, grant))}
