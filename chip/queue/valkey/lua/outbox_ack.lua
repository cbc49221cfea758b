-- Take a message out and leave a report on it; tell every process.
-- KEYS  outbox, outboxes, numbers, sent, then those of a spool
-- ARGV  chat, process, live channel, uuid, uuid as JSON, item's possible names as JSON…
-- Answers nothing when no such message waits; else its number and age in ms.
local outbox, outboxes, numbers, sent = unpack(KEYS)
local chat, process, live, uuid, uuid_json = unpack(ARGV)
local CHUNK = 50

local function is_meant(item)
  local start = string.match(item, '^{"seq":%d+,()')
  for index = 6, #ARGV do
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

local spool = spool_of(KEYS, 5)
if count_items(outbox, numbers, spool.balance) == 0 then
  return false
end
head_of(outbox, numbers, sent)
local item = find()
if not item then
  return false
end
local number = known_number(item)
redis.call('LREM', outbox, 1, item)
settle_age(outbox, outboxes, numbers, chat, 1, message_size(item))
redis.call('HINCRBY', spool.balance, 'visitors_done', 1)
local report, names = report_on(item, 'delivered')
add_report(spool, chat, report, report_due_at(sent, names))
note_status(sent, names, 'delivered')
publish(live, '-' .. process .. ' ' .. digits(number))
return {number, NOW - stamp_of(item)}
