-- An outbox is a list of items, oldest first:
--   {"seq":<number>,"id":"m<message id>","ts":<ms>,"msg":{…}}
-- The number comes first so that one anchored pattern finds it. Items of other servers have none;
-- whoever meets them first numbers them. They are always the last ones: Chip never appends to a
-- list that it has not numbered. Items are spliced, never decoded and encoded again, which would
-- turn [] into {} and round large ids.
--
-- Another program may leave anything here. What cannot be read ends a script with DAMAGED, before it
-- has changed anything that matters; `outbox_tidy` then sets it aside, and the script is run again.

local function damaged()
  error({err = 'DAMAGED an item of the outbox cannot be read'})
end

local function number_of(item)
  return tonumber(string.match(item, '^{"seq":(%d+),'))
end

local function known_number(item)
  return number_of(item) or damaged()
end

local function is_readable(item)
  local ok, decoded = pcall(cjson.decode, item)
  -- An array is a table, too.
  return ok and string.sub(item, 1, 1) == '{' and string.match(item, '"msg":%s*(.)') == '{'
    and type(decoded.msg) == 'table' and type(decoded.id) == 'string'
end

local function stamp_of(item)
  return tonumber(string.match(item, '"ts":(%d+)')) or NOW
end

local function message_size(item)
  local _, last = string.find(item, '"msg":', 1, true)
  return last and #item - last - 1 or 0
end

local function total_size(outbox)
  local size = 0
  for _, item in ipairs(redis.call('LRANGE', outbox, 0, -1)) do
    size = size + message_size(item)
  end
  return size
end

local function number_the_rest(outbox, sent, head)
  local items = redis.call('LRANGE', outbox, 0, -1)
  local first = #items
  while first > 1 and not number_of(items[first - 1]) do
    first = first - 1
  end
  for index = first, #items do
    if not is_readable(items[index]) then
      damaged()
    end
  end
  for index = first, #items do
    local item = items[index]
    head = head + 1
    redis.call('LSET', outbox, index - 1, '{"seq":' .. digits(head) .. ',' .. string.sub(item, 2))
    local name = string.match(item, '"id":"([^"\\]+)"')
    if name then
      redis.call('ZADD', sent, stamp_of(item), name)
    end
  end
  redis.call('PEXPIRE', sent, DUPLICATE_MS)
  return head
end

-- The newest number that this chat has given out. Numbers are dense, so that a reader sees when he
-- has missed one; and they never go back, even when all else about the chat was forgotten, because
-- they begin with the time in microseconds. Returns too whether they begin now.
local function head_of(outbox, numbers, sent)
  local known = redis.call('HGET', numbers, 'head')
  local newest = redis.call('LINDEX', outbox, -1)
  local head = tonumber(known or NOW_IN_MICROSECONDS)
  if newest and not number_of(newest) then
    head = number_the_rest(outbox, sent, head)
  end
  if not known or head > tonumber(known) then
    redis.call('HSET', numbers, 'head', digits(head))
    redis.call('EXPIRE', numbers, newest and NUMBERS_SECONDS or UNUSED_NUMBERS_SECONDS)
  end
  return head, not known
end

-- How many items wait. What others took out, or put in, since the last count is missing, or accepted.
local function count_items(outbox, numbers, balance)
  local count = redis.call('LLEN', outbox)
  local known = tonumber(redis.call('HGET', numbers, 'count') or 0)
  if count ~= known then
    redis.call('HSET', numbers, 'count', count)
    local state = count < known and 'visitors_missing' or 'visitors_accepted'
    redis.call('HINCRBY', balance, state, math.abs(count - known))
  end
  return count
end

-- Whether the outbox holds `size` bytes more, and how many it holds then. The count may be wrong
-- where another server took items out, so it is made afresh before anything is refused.
local function room_for(outbox, numbers, count, size)
  if count >= OUTBOX_MESSAGES then
    return false
  end
  local total = count == 0 and 0 or tonumber(redis.call('HGET', numbers, 'bytes') or nil)
  if not total or total + size > OUTBOX_BYTES then
    total = total_size(outbox)
  end
  return total + size <= OUTBOX_BYTES, total + size
end

-- After so many items were taken out: say how old the oldest is that still waits.
local function settle_age(outbox, outboxes, numbers, chat, taken, freed)
  local oldest = redis.call('LINDEX', outbox, 0)
  if oldest then
    redis.call('HINCRBY', numbers, 'bytes', digits(0 - freed))
    redis.call('HINCRBY', numbers, 'count', -taken)
    redis.call('ZADD', outboxes, stamp_of(oldest), chat)
  else
    redis.call('HDEL', numbers, 'bytes', 'count')
    redis.call('ZREM', outboxes, chat)
  end
end

-- What Courier is to hear of a message, by every name that it has, and these names.
local function report_of(id, uuid, status)
  local report, names = '{"kind":"status","status":"' .. status .. '"', {}
  if id then
    report = report .. ',"id":' .. id
    names[1] = 'm' .. id
  end
  if uuid then
    report = report .. ',"uuid":' .. cjson.encode(uuid)
    names[#names + 1] = 'm' .. uuid
  end
  return report .. '}', names
end

-- The same, of an item.
local function report_on(item, status)
  local id = string.match(item, '"id":"m(%d+)"')
  local ok, decoded = pcall(cjson.decode, item)
  local uuid = ok and type(decoded.msg) == 'table' and decoded.msg.uuid
  if type(uuid) ~= 'string' then
    uuid = not id and ok and string.sub(decoded.id, 2) or nil
  end
  return report_of(id, uuid, status)
end

-- When a report may go. Courier writes what became of messages in batches of half a second, and of
-- two in one batch either may win: a report that comes too soon is lost under Courier's own.
local function report_due_at(sent, names)
  local last = 0
  for _, name in ipairs(names) do
    last = math.max(last, tonumber(redis.call('ZSCORE', sent, name) or 0))
  end
  return math.max(NOW, last + REST_MS)
end

-- Remember that these messages were taken out, and what was reported, for as long as it is remembered
-- that they came. Those that waited for longer than that find `sent` gone, and make it anew: so it is
-- told here, too, when it ends.
local function note_status(sent, names, status)
  for _, name in ipairs(names) do
    redis.call('ZADD', sent, NOW, name .. '=' .. status)
  end
  redis.call('PEXPIRE', sent, DUPLICATE_MS)
end
