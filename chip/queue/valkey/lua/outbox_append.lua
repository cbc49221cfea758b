-- Store a message for the visitor and push it to whoever has the chat open.
-- KEYS  outbox, outboxes, numbers, sent, then those of a spool, mark
-- ARGV  chat, live channel, item's name as JSON, message as JSON, id or '', uuid or ''
-- Answers 'queued', 'repeated' or 'full'.
local outbox, outboxes, numbers, sent = unpack(KEYS)
local chat, live, name, message, id, uuid = unpack(ARGV)
local spool = spool_of(KEYS, 5)
local oldest = NOW - DUPLICATE_MS
local _, names = report_of(id ~= '' and id, uuid ~= '' and uuid, '')

-- Courier sends again what it has sent before, and its own status goes over whatever was reported
-- then: so that is reported again. Where the message still waits, its report will rest from now.
local function again()
  for _, known in ipairs(names) do
    redis.call('ZADD', sent, 'XX', NOW, known)
    for _, status in ipairs({'delivered', 'failed'}) do
      if redis.call('ZSCORE', sent, known .. '=' .. status) then
        local report = report_of(id ~= '' and id, uuid ~= '' and uuid, status)
        add_report(spool, chat, report, NOW + REST_MS)
        return
      end
    end
  end
end

local head, begins = head_of(outbox, numbers, sent)
for _, known in ipairs(names) do
  local before = redis.call('ZSCORE', sent, known)
  if before and tonumber(before) > oldest then
    again()
    return 'repeated'
  end
end

local count = count_items(outbox, numbers, spool.balance)
local has_room, total = room_for(outbox, numbers, count, #message)
-- Every message that waits here leaves a report there, and acknowledgements are never refused. So
-- when reports pile up, it is the next message that has to wait.
local spooled = redis.call('LLEN', spool.list) + redis.call('ZCARD', spool.reports)
if not has_room or spooled >= 2 * SPOOL_EVENTS then
  return 'full'
end

local since = mark_of(KEYS[#KEYS])
head = next_number(numbers, since, head, begins)
local item = '{"seq":' .. digits(head) .. ',"id":' .. name .. ',"ts":' .. digits(NOW)
  .. ',"msg":' .. message .. '}'
redis.call('HSET', numbers, 'head', digits(head), 'bytes', total, 'count', count + 1,
  'numbered', since)
redis.call('HINCRBY', spool.balance, 'visitors_accepted', 1)
redis.call('EXPIRE', numbers, NUMBERS_SECONDS)
redis.call('RPUSH', outbox, item)
if count == 0 then
  redis.call('ZADD', outboxes, NOW, chat)
end
redis.call('ZREMRANGEBYSCORE', sent, '-inf', oldest)
for _, known in ipairs(names) do
  redis.call('ZADD', sent, NOW, known)
  -- What became of it when it was sent long ago says nothing of this time.
  redis.call('ZREM', sent, known .. '=delivered', known .. '=failed')
end
redis.call('PEXPIRE', sent, DUPLICATE_MS)
-- Something was said in between, so that the visitor may repeat himself.
if redis.call('HEXISTS', spool.courier, 'text') == 1 then
  redis.call('HSET', spool.courier, 'text_at', 0)
end
publish(live, '+' .. item)
return 'queued'
