-- A chat's spool is a list of entries, oldest first: {"ts":<ms>,"kind":"in"|"status",…}
-- Its score in `spools` says when to look at the chat next. Unclaimed, that is when it is due;
-- claimed, it is when Courier cannot be at work on the attempt any more, should the owner be dead.
-- Who is at work, and what is known of the last attempts, is in the hash `courier`:
--   owner, ticket       whose claim it is, and the claim's number
--   began               when it was given
--   under_way           entries in the owner's attempt
--   unknown             entries at the front that may have arrived already
--   heard               uuid of the last message that Courier confirmed
--   text, text_at       digest of the text that Courier answered last, and when
--   tries, failing      failed attempts on the first entry, and since when
--   said                entries that the visitor said: reports have room of their own

local function spool_of(keys, first)
  return {
    list = keys[first],
    spools = keys[first + 1],
    courier = keys[first + 2],
    alive = keys[first + 3],
    email = keys[first + 4],
    ages = keys[first + 5],
    totals = keys[first + 6],
  }
end

-- After entries were put in, `said` of them by the visitor: the chat is due now, unless it has its
-- time already.
local function count_in(spool, chat, entries, said)
  redis.call('ZADD', spool.spools, 'NX', NOW, chat)
  redis.call('ZADD', spool.ages, 'NX', NOW, chat)
  redis.call('HINCRBY', spool.totals, 'events', entries)
  if said > 0 then
    redis.call('HINCRBY', spool.totals, 'said', said)
  end
end

-- After entries were taken out: say how old the oldest is that still waits.
local function count_out(spool, chat, entries, said)
  redis.call('HINCRBY', spool.totals, 'events', -entries)
  if said > 0 then
    redis.call('HINCRBY', spool.courier, 'said', -said)
    redis.call('HINCRBY', spool.totals, 'said', -said)
  end
  local oldest = redis.call('LINDEX', spool.list, 0)
  if oldest then
    redis.call('ZADD', spool.ages, string.match(oldest, '^{"ts":(%d+)') or NOW, chat)
  end
end

local function is_alive(alive, process)
  return tonumber(redis.call('ZSCORE', alive, process) or 0) > NOW
end

-- Nothing waits: forget whose it was and what failed, and remember what Courier knows.
local function forget_claim(spool, chat)
  redis.call('ZREM', spool.spools, chat)
  redis.call('ZREM', spool.ages, chat)
  redis.call('HDEL', spool.courier, 'owner', 'began', 'under_way', 'unknown', 'tries', 'failing',
    'said')
  if redis.call('EXISTS', spool.spools) == 0 then
    redis.call('DEL', spool.totals)
  end
end

local function since(moment)
  return moment and NOW - tonumber(moment) or 0
end

-- Give the chat to `process`. The answer is 'claimed', what a batch needs, and its entries.
local function grant(spool, chat, process)
  local entries = redis.call('LRANGE', spool.list, 0, BATCH - 1)
  if #entries == 0 then
    forget_claim(spool, chat)
    return {'idle'}
  end
  local known = redis.call('HMGET', spool.courier, 'ticket', 'under_way', 'unknown', 'heard',
    'text', 'text_at', 'tries', 'failing')
  local ticket = tonumber(known[1] or 0) + 1
  local unknown = math.max(tonumber(known[2] or 0), tonumber(known[3] or 0))
  unknown = math.min(unknown, #entries)
  redis.call('HSET', spool.courier, 'owner', process, 'ticket', ticket, 'began', NOW,
    'under_way', #entries, 'unknown', unknown)
  redis.call('EXPIRE', spool.courier, COURIER_SECONDS)
  redis.call('ZADD', spool.spools, NOW + ATTEMPT_MS, chat)
  local answer = {
    'claimed', ticket, unknown, known[4], known[5] or '', since(known[6]),
    tonumber(known[7] or 0), since(known[8]),
    redis.call('GET', spool.email) or '', NOW,
  }
  for _, entry in ipairs(entries) do
    answer[#answer + 1] = entry
  end
  return answer
end

-- Whether `process` is at work on the chat itself. Once Courier cannot be at work on it any more,
-- only the claim that the process knows of (`known`, a ticket) counts: of another one, the answer
-- was lost on the way. And even that one is not believed for ever.
local function is_at_work(spool, known)
  local claimed = redis.call('HMGET', spool.courier, 'ticket', 'began')
  return claimed[1] == known and NOW < tonumber(claimed[2]) + ABANDONED_MS
end

-- Who forwards the chat? If nobody does and it is due, `process` may get it (`may_claim`).
-- `known` is the ticket that the process itself works with; without one, its own claim is left
-- alone.
local function claim(spool, chat, process, may_claim, known)
  local due = redis.call('ZSCORE', spool.spools, chat)
  if not due then
    return {'idle'}
  end
  local is_due = tonumber(due) <= NOW
  local owner = redis.call('HGET', spool.courier, 'owner')
  if owner then
    if not is_due or (owner == process and not known) then
      return {'elsewhere'}
    end
    local is_held
    if owner == process then
      is_held = is_at_work(spool, known)
    else
      is_held = is_alive(spool.alive, owner)
    end
    if is_held then
      redis.call('ZADD', spool.spools, NOW + LOOK_AGAIN_MS, chat)
      return {'elsewhere'}
    end
  end
  if not is_due or not may_claim then
    return {'waiting'}
  end
  return grant(spool, chat, process)
end
