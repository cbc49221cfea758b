-- Store events for Courier, and claim the chat if that is allowed and nobody has.
-- KEYS  those of a spool, mark, refs
-- ARGV  chat, process, grant, known, lost (see `asker`), may_claim (0 or 1), last heard,
--       live channel, then for each event: '=' and its ref, or '-' for a report; its JSON
-- Answers a letter for each event (q, r or f), then as `claim` does.
local spool, refs = spool_of(KEYS, 1), KEYS[11]
local chat, process, grant, known, lost, may_claim, last_confirmed, live = unpack(ARGV)
local said = tonumber(redis.call('HGET', spool.courier, 'said') or redis.call('LLEN', spool.list))
local total = tonumber(redis.call('HGET', spool.totals, 'said') or 0)
local results, echoes, stored = '', {}, 0

local function is_known(ref)
  local before = ref ~= '=' and redis.call('ZSCORE', refs, ref)
  return before and tonumber(before) > NOW - REF_MS
end

for index = 9, #ARGV, 2 do
  local ref = ARGV[index]
  local entry = '{"ts":' .. digits(NOW) .. ',' .. string.sub(ARGV[index + 1], 2)
  if ref == '-' then
    redis.call('RPUSH', spool.list, entry)
    stored = stored + 1
    results = results .. 'q'
  elseif is_known(ref) then
    results = results .. 'r'
  elseif said + #echoes >= SPOOL_EVENTS or total + #echoes >= SPOOL_TOTAL then
    results = results .. 'f'
  else
    redis.call('RPUSH', spool.list, entry)
    stored = stored + 1
    echoes[#echoes + 1] = entry
    results = results .. 'q'
    if ref ~= '=' then
      redis.call('ZADD', refs, NOW, ref)
      redis.call('PEXPIRE', refs, REF_MS)
    end
  end
end

if stored > 0 then
  redis.call('HSET', spool.courier, 'said', said + #echoes)
  if redis.call('HSETNX', spool.courier, 'heard', last_confirmed) == 1 then
    redis.call('EXPIRE', spool.courier, COURIER_SECONDS)
  end
  if redis.call('ZCARD', refs) > REFS then
    redis.call('ZREMRANGEBYRANK', refs, 0, -REFS - 1)
  end
  redis.call('ZREMRANGEBYSCORE', refs, '-inf', NOW - REF_MS)
  count_in(spool, chat, stored, #echoes)
  make_due(spool, chat, NOW)
end
local answer = claim(spool, chat, asker(process, grant, known, lost), may_claim == '1')
for _, entry in ipairs(echoes) do
  publish(live, '=' .. process .. ' ' .. entry)
end
table.insert(answer, 1, results)
return answer
