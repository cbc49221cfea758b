-- Put back messages that were lost, each before those with a higher id that wait.
-- KEYS  outbox, outboxes, numbers, sent, then those of a spool, mark
-- ARGV  chat, live channel, the loss that these were looked for after; then for each message, oldest
--       first: item's name as JSON, message as JSON, id, uuid, ms since it was sent
-- Answers how many were put back, and 1 if more did not fit.
local outbox, outboxes, numbers, sent = unpack(KEYS)
local chat, live, loss = unpack(ARGV)
local spool = spool_of(KEYS, 5)
local head, begins = head_of(outbox, numbers, sent)
local count = count_items(outbox, numbers, spool.balance)
local items = redis.call('LRANGE', outbox, 0, -1)

local waiting, total = {}, 0
for _, item in ipairs(items) do
  waiting[string.match(item, '"id":"([^"\\]+)"') or ''] = known_number(item)
  total = total + message_size(item)
end

local function is_known(names)
  for _, name in ipairs(names) do
    local before = redis.call('ZSCORE', sent, name)
    if waiting[name] or (before and tonumber(before) > NOW - DUPLICATE_MS) then
      return true
    end
  end
end

local has_room = redis.call('LLEN', spool.list) + redis.call('ZCARD', spool.reports) < 2 * SPOOL_EVENTS
local lost, is_full = {}, 0
for index = 4, #ARGV, 5 do
  local name, message, id, uuid, age = unpack(ARGV, index, index + 4)
  local _, names = report_of(id, uuid, '')
  if not is_known(names) then
    has_room = has_room and count + #lost < OUTBOX_MESSAGES and total + #message <= OUTBOX_BYTES
    if not has_room then
      is_full = 1
      break
    end
    total = total + #message
    local rest = '"id":' .. name .. ',"ts":' .. digits(NOW - tonumber(age)) .. ',"msg":' .. message .. '}'
    lost[#lost + 1] = {id = tonumber(id), rest = rest, names = names}
  end
end

if #lost > 0 then
  -- Those that wait behind one that is put back get new numbers, so that everybody sees them in the
  -- right order.
  local kept, moved, at = {}, {}, 1
  for _, item in ipairs(items) do
    local id = tonumber(string.match(item, '"id":"m(%d+)"'))
    while id and lost[at] and lost[at].id < id do
      moved[#moved + 1] = lost[at].rest
      at = at + 1
    end
    if #moved == 0 then
      kept[#kept + 1] = item
    else
      moved[#moved + 1] = string.match(item, '^{"seq":%d+,(.*)$')
    end
  end
  for index = at, #lost do
    moved[#moved + 1] = lost[index].rest
  end

  if #kept == 0 then
    redis.call('DEL', outbox)
  else
    redis.call('LTRIM', outbox, 0, #kept - 1)
  end
  local since = mark_of(KEYS[#KEYS])
  head = next_number(numbers, since, head, begins) - 1
  for _, rest in ipairs(moved) do
    head = head + 1
    local item = '{"seq":' .. digits(head) .. ',' .. rest
    redis.call('RPUSH', outbox, item)
    publish(live, '+' .. item)
  end
  for _, message in ipairs(lost) do
    for _, name in ipairs(message.names) do
      redis.call('ZADD', sent, NOW, name)
    end
  end
  redis.call('PEXPIRE', sent, DUPLICATE_MS)
  redis.call('HSET', numbers, 'head', digits(head), 'bytes', total, 'count', count + #lost,
    'numbered', since)
  redis.call('HINCRBY', spool.balance, 'visitors_accepted', #lost)
  redis.call('ZADD', outboxes, stamp_of(redis.call('LINDEX', outbox, 0)), chat)
end
if is_full == 0 then
  redis.call('HSET', numbers, 'filled', loss)
end
redis.call('EXPIRE', numbers, NUMBERS_SECONDS)
return {#lost, is_full}
