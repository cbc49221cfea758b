-- Take a message out and spool its report; tell other processes.
-- KEYS  outbox, outboxes, numbers, sent, then those of a spool
-- ARGV  chat, process, may_claim (0 or 1), live channel, own listeners,
--       uuid, uuid as JSON, item's possible names as JSON…
-- Answers nothing when no such message waits; else its number and age, then as `claim` does.
local outbox, outboxes, numbers, sent = unpack(KEYS)
local chat, process, may_claim, live, own, uuid, uuid_json = unpack(ARGV)
local CHUNK = 50

local function is_meant(item)
  local start = string.match(item, '^{"seq":%d+,()')
  for index = 8, #ARGV do
    local name = '"id":' .. ARGV[index] .. ','
    if start and string.sub(item, start, start + #name - 1) == name then
      return true
    end
  end
  if uuid == '' or not string.find(item, '"uuid":' .. uuid_json, 1, true) then
    return false
  end
  local ok, decoded = pcall(cjson.decode, item)
  return ok and type(decoded.msg) == 'table' and decoded.msg.uuid == uuid
end

local function find()
  for start = 0, redis.call('LLEN', outbox) - 1, CHUNK do
    for _, item in ipairs(redis.call('LRANGE', outbox, start, start + CHUNK - 1)) do
      if is_meant(item) then
        return item
      end
    end
  end
end

if redis.call('EXISTS', outbox) == 0 then
  return false
end
head_of(outbox, numbers, sent)
local item = find()
if not item then
  return false
end
local spool = spool_of(KEYS, 5)
redis.call('LREM', outbox, 1, item)
settle_age(outbox, outboxes, numbers, chat, message_size(item))
redis.call('RPUSH', spool.list, report_on(item, 'delivered'))
count_in(spool, chat, 1, 0)
local answer = claim(spool, chat, process, may_claim == '1', nil)
local number = number_of(item)
publish_to_others(live, tonumber(own), '-' .. process .. ' ' .. digits(number))
table.insert(answer, 1, number)
table.insert(answer, 2, NOW - stamp_of(item))
return answer
