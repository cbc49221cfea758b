-- The items numbered above `after`, oldest first.
-- KEYS  outbox, numbers, sent, balance, mark
-- ARGV  after, limit, max_bytes
-- Answers head, whether there are more (0 or 1), the loss that the outbox was not filled after and
-- how many ms ago it was noticed, or '' and 0, items…
local outbox, numbers, sent, balance, mark = unpack(KEYS)
local after, limit, room = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local head, begins = head_of(outbox, numbers, sent)
local count = count_items(outbox, numbers, balance)

-- Numbers rise along the list: `low` is known to be at most `after`, `high` to be above it.
local low, high = -1, count
while high - low > 1 do
  local middle = math.floor((low + high) / 2)
  if known_number(redis.call('LINDEX', outbox, middle)) <= after then
    low = middle
  else
    high = middle
  end
end

local answer = {head, 0, '', 0}
local since = mark_of(mark)
if begins then
  redis.call('HSET', numbers, 'numbered', since)
end
if redis.call('HGET', numbers, 'filled') ~= since then
  -- The clock may have been set back.
  answer[3], answer[4] = since, math.max(0, tonumber(NOW_IN_MICROSECONDS) - tonumber(since)) / 1000
end
if high < count then
  for index, item in ipairs(redis.call('LRANGE', outbox, high, high + limit - 1)) do
    room = room - message_size(item)
    if room < 0 and index > 1 then
      break
    end
    answer[#answer + 1] = item
  end
end
if high + #answer - 4 < count then
  answer[2] = 1
end
return answer
