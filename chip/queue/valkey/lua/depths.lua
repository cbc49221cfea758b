-- How much waits, and for how long.
-- KEYS  outboxes, spool-ages, spool-totals
-- Answers the chats with messages, the age of the oldest in ms, the events, the age of the oldest.
local function age_of_first(ages)
  local first = redis.call('ZRANGE', ages, 0, 0, 'WITHSCORES')
  return first[2] and NOW - tonumber(first[2]) or 0
end

return {
  redis.call('ZCARD', KEYS[1]), age_of_first(KEYS[1]),
  tonumber(redis.call('HGET', KEYS[3], 'events') or 0), age_of_first(KEYS[2]),
}
