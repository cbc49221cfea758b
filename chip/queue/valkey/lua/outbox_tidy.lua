-- Set aside what cannot be read, and put behind the others what has no number and stands before
-- one that has.
-- KEYS  outbox, outboxes, damaged
-- ARGV  chat
-- Answers how many items were set aside.
local outbox, outboxes, aside = unpack(KEYS)
local items, count = redis.call('LRANGE', outbox, 0, -1), 0
local last_numbered = 0
for index, item in ipairs(items) do
  if number_of(item) then
    last_numbered = index
  end
end
for index, item in ipairs(items) do
  local readable = is_readable(item)
  if not readable or (index < last_numbered and not number_of(item)) then
    redis.call('LREM', outbox, 1, item)
    redis.call('RPUSH', readable and outbox or aside, item)
    count = count + (readable and 0 or 1)
  end
end
if count > 0 then
  redis.call('LTRIM', aside, -DAMAGED_ITEMS, -1)
  redis.call('EXPIRE', aside, COURIER_SECONDS)
end
if redis.call('EXISTS', outbox) == 0 then
  redis.call('ZREM', outboxes, ARGV[1])
end
return count
