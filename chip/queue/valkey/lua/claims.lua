-- A chat's spool is a list of entries, oldest first: {"ts":<ms>,"kind":"in"|"status",…}
-- Its reports are a sorted set of what Courier is to hear of messages that were taken out, by the
-- time in ms from which it may: see `report_due_at` in items.lua. Then they join the spool.
-- Its score in `spools` says when to look at the chat next. Unclaimed, that is when it is due;
-- claimed, it is when Courier cannot be at work on the attempt any more, should the owner be dead.
-- What holds of claims, in whatever order processes die, stand still and lose answers, is proved of
-- the model in claims.pml.
-- Who is at work, and what is known of the last attempts, is in the hash `courier`:
--   owner, grant        whose claim it is, and the name that its process gave it
--   began               when it was given
--   under_way           entries in the owner's attempt
--   unknown             entries at the front that may have arrived already
--   looked, doubtful    the mark (mark.lua) after which it was asked how many may have, since they
--                       lay here before something was lost; and how many of these still wait
--   not_before          the next attempt must wait until then
--   heard               uuid of the last message that Courier confirmed
--   text, text_at       digest of the text that Courier answered last, and when; 0 where something
--                       was stored for the visitor since
--   tries, failing      failed attempts on the first entry, and since when
--   reason              why the last attempt ended as it did
--   said                entries that the visitor said: reports have room of their own
--   count               entries and reports that are to wait; see `check_count`

local function spool_of(keys, first)
  return {
    list = keys[first],
    spools = keys[first + 1],
    courier = keys[first + 2],
    alive = keys[first + 3],
    email = keys[first + 4],
    ages = keys[first + 5],
    totals = keys[first + 6],
    reports = keys[first + 7],
    balance = keys[first + 8],
    mark = keys[first + 9],
  }
end

-- The chat is due from `time` on, unless an attempt must wait or it is claimed.
local function make_due(spool, chat, time)
  local known = redis.call('HMGET', spool.courier, 'owner', 'not_before')
  if not known[1] then
    redis.call('ZADD', spool.spools, 'LT', math.max(time, tonumber(known[2] or 0)), chat)
  end
end

-- After entries were put in, `said` of them by the visitor.
local function count_in(spool, chat, entries, said)
  redis.call('ZADD', spool.ages, 'NX', NOW, chat)
  redis.call('HINCRBY', spool.totals, 'events', entries)
  redis.call('HINCRBY', spool.courier, 'count', entries)
  redis.call('HINCRBY', spool.balance, 'courier_accepted', entries)
  if said > 0 then
    redis.call('HINCRBY', spool.totals, 'said', said)
  end
end

-- After entries were taken out, `rejected` of them unconfirmed: say how old the oldest is that still
-- waits.
local function count_out(spool, chat, entries, said, rejected)
  redis.call('HINCRBY', spool.totals, 'events', -entries)
  redis.call('HINCRBY', spool.courier, 'count', -entries)
  redis.call('HINCRBY', spool.balance, 'courier_done', entries - rejected)
  if rejected > 0 then
    redis.call('HINCRBY', spool.balance, 'courier_given_up', rejected)
  end
  if said > 0 then
    redis.call('HINCRBY', spool.courier, 'said', -said)
    redis.call('HINCRBY', spool.totals, 'said', -said)
  end
  local oldest = redis.call('LINDEX', spool.list, 0)
  if oldest then
    redis.call('ZADD', spool.ages, string.match(oldest, '^{"ts":(%d+)') or NOW, chat)
  end
end

-- A report on a message, to go from `ready` on. The same report again only moves its time.
local function add_report(spool, chat, report, ready)
  if redis.call('ZADD', spool.reports, ready, report) == 1 then
    count_in(spool, chat, 1, 0)
  end
  make_due(spool, chat, ready)
end

-- Put the reports whose time has come behind what waits in the spool.
local function take_in_reports(spool)
  local ready = redis.call('ZRANGEBYSCORE', spool.reports, '-inf', NOW, 'LIMIT', 0, BATCH)
  for _, report in ipairs(ready) do
    redis.call('RPUSH', spool.list, '{"ts":' .. digits(NOW) .. ',' .. string.sub(report, 2))
  end
  if #ready > 0 then
    redis.call('ZREM', spool.reports, unpack(ready))
  end
end

local function is_alive(alive, process)
  return tonumber(redis.call('ZSCORE', alive, process) or 0) > NOW
end

-- Nothing waits: so nothing is to. What is missing was taken out by others, or evicted; what is too
-- much was put in before there was a count.
local function check_count(spool)
  local count = tonumber(redis.call('HGET', spool.courier, 'count') or 0)
  if count ~= 0 then
    redis.call('HDEL', spool.courier, 'count')
    local state = count > 0 and 'courier_missing' or 'courier_accepted'
    redis.call('HINCRBY', spool.balance, state, math.abs(count))
  end
end

-- Nothing can go now: forget whose it was and what failed, and remember what Courier knows. Where
-- reports still rest, the chat is due when the first of them may go.
local function forget_claim(spool, chat)
  redis.call('HDEL', spool.courier, 'owner', 'began', 'under_way', 'unknown', 'doubtful', 'tries',
    'failing', 'said', 'not_before')
  local first = redis.call('ZRANGE', spool.reports, 0, 0, 'WITHSCORES')
  if first[2] then
    redis.call('ZADD', spool.spools, first[2], chat)
    return {'waiting', math.max(0, tonumber(first[2]) - NOW)}
  end
  check_count(spool)
  redis.call('ZREM', spool.spools, chat)
  redis.call('ZREM', spool.ages, chat)
  if redis.call('EXISTS', spool.spools) == 0 then
    redis.call('DEL', spool.totals)
  end
  return {'idle'}
end

local function since(moment)
  return moment and NOW - tonumber(moment) or 0
end

-- A grant was never used: nothing of it is under way.
local function take_back(spool)
  redis.call('HDEL', spool.courier, 'owner', 'under_way')
end

-- How many entries at the front lay here before something was lost: what came back may be older than
-- what Courier has. If the first of them has not arrived, none has.
local function count_doubtful(spool, mark)
  local count = 0
  for _, entry in ipairs(redis.call('LRANGE', spool.list, 0, -1)) do
    local stored = tonumber(string.match(entry, '^{"ts":(%d+)'))
    if not stored or (stored + 1) * 1000 > tonumber(mark) then
      break
    end
    count = count + 1
  end
  return count
end

-- Give the chat to a process, under the name `grant`. The answer is 'claimed', what a batch needs,
-- and its entries.
local function give(spool, chat, process, grant)
  take_in_reports(spool)
  local entries = redis.call('LRANGE', spool.list, 0, BATCH - 1)
  if #entries == 0 then
    return forget_claim(spool, chat)
  end
  local known = redis.call('HMGET', spool.courier, 'under_way', 'unknown', 'heard',
    'text', 'text_at', 'tries', 'failing', 'looked', 'doubtful')
  local mark, doubtful = mark_of(spool.mark), tonumber(known[9] or 0)
  if known[8] ~= mark then
    doubtful = count_doubtful(spool, mark)
    redis.call('HSET', spool.courier, 'looked', mark, 'doubtful', doubtful)
  end
  local unknown = math.max(tonumber(known[1] or 0), tonumber(known[2] or 0), doubtful)
  unknown = math.min(unknown, #entries)
  redis.call('HSET', spool.courier, 'owner', process, 'grant', grant, 'began', NOW,
    'under_way', #entries, 'unknown', unknown)
  redis.call('HDEL', spool.courier, 'not_before')
  redis.call('EXPIRE', spool.courier, COURIER_SECONDS)
  redis.call('ZADD', spool.spools, NOW + CLAIM_MS, chat)
  local answer = {
    'claimed', grant, unknown, known[3], known[4] or '', tonumber(known[5] or 0) > 0 and since(known[5]) or -1,
    tonumber(known[6] or 0), since(known[7]), NOW,
  }
  for _, entry in ipairs(entries) do
    answer[#answer + 1] = entry
  end
  return answer
end

-- How a process asks for a claim: its token, the name that it gives to what it may be granted, the
-- name of the grant that it works with ('' for none), and the names of grants whose answers it has
-- never had, apart by commas.
local function asker(process, grant, known, lost)
  local names = {}
  for name in string.gmatch(lost, '[^,]+') do
    names[name] = true
  end
  return {process = process, grant = grant, known = known, lost = names}
end

-- Who is at work on the chat? 'held' is somebody, or may be. 'lost' is a grant whose answer `by` has
-- never had, so that nobody used it. Otherwise a claim stands for as long as its owner lives, and
-- until Courier, which gives up after 30 s, cannot be at work on it; one that its own process works
-- with is believed, but not for ever.
local function state_of(spool, chat, due, by)
  local claimed = redis.call('HMGET', spool.courier, 'owner', 'grant', 'began')
  local owner, grant = claimed[1], claimed[2]
  if not owner then
    return 'free'
  end
  if owner == by.process and by.lost[grant] then
    return 'lost'
  end
  if due > NOW then
    return 'held'
  end
  local at_work
  if owner == by.process then
    at_work = grant == by.known and NOW < tonumber(claimed[3]) + ABANDONED_MS
  else
    at_work = is_alive(spool.alive, owner)
  end
  if not at_work then
    return 'free'
  end
  redis.call('ZADD', spool.spools, NOW + LOOK_AGAIN_MS, chat)
  return 'held'
end

-- Who forwards the chat? If nobody does and it is due, `by` gets it if it may. 'waiting' is
-- followed by the ms until the chat is due.
local function claim(spool, chat, by, may_claim)
  local due = redis.call('ZSCORE', spool.spools, chat)
  if not due then
    return {'idle'}
  end
  due = tonumber(due)
  local state = state_of(spool, chat, due, by)
  if state == 'held' then
    return {'elsewhere'}
  end
  if state == 'free' and due > NOW then
    return {'waiting', due - NOW}
  end
  if state == 'lost' then
    take_back(spool)
    redis.call('ZADD', spool.spools, NOW, chat)
  end
  if not may_claim then
    return {'waiting', 0}
  end
  return give(spool, chat, by.process, by.grant)
end
