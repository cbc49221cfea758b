-- Store a message for the visitor and push it to whoever has the chat open.
-- KEYS  outbox, outboxes, numbers, sent, courier, spool
-- ARGV  chat, live channel, item's name as JSON, message as JSON, names…
-- Answers 'queued', 'repeated' or 'full'.
local outbox, outboxes, numbers, sent, courier, spool = unpack(KEYS)
local chat, live, name, message = unpack(ARGV)
local oldest = NOW - DUPLICATE_MS

local head = head_of(outbox, numbers, sent) + 1
for index = 5, #ARGV do
  local before = redis.call('ZSCORE', sent, ARGV[index])
  if before and tonumber(before) > oldest then
    return 'repeated'
  end
end

local count = redis.call('LLEN', outbox)
local has_room, total = room_for(outbox, numbers, count, #message)
-- Every message that waits here leaves a report there, and acknowledgements are never refused. So
-- when reports pile up, it is the next message that has to wait.
if not has_room or redis.call('LLEN', spool) >= 2 * SPOOL_EVENTS then
  return 'full'
end

local item = '{"seq":' .. digits(head) .. ',"id":' .. name .. ',"ts":' .. digits(NOW)
  .. ',"msg":' .. message .. '}'
redis.call('HSET', numbers, 'head', digits(head), 'bytes', total)
redis.call('EXPIRE', numbers, NUMBERS_SECONDS)
redis.call('RPUSH', outbox, item)
if count == 0 then
  redis.call('ZADD', outboxes, NOW, chat)
end
redis.call('ZREMRANGEBYSCORE', sent, '-inf', oldest)
for index = 5, #ARGV do
  redis.call('ZADD', sent, NOW, ARGV[index])
end
redis.call('PEXPIRE', sent, DUPLICATE_MS)
-- Something was said in between, so that the visitor may repeat himself.
redis.call('HDEL', courier, 'text', 'text_at')
publish(live, '+' .. item)
return 'queued'
