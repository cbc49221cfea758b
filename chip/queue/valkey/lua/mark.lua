-- The mark shows that nothing was lost since it was made. It is a hash that vanishes with all that
-- lies here, and goes back to an older state with it:
--   since   when it was made, in microseconds: the name of the loss, if any, that was noticed then
--   server  the run of the server that it was made for
-- A server that has started again may have lost its last moments, and a promoted replica is another
-- server: for these a new mark is made (`mark_check`), and wherever there is none.
-- An outbox that was filled after the loss has the same `since` in its field `filled`, and one that
-- has given out a number after it in `numbered`.

local function server_run()
  local info = redis.pcall('INFO', 'server')
  return type(info) == 'string' and string.match(info, 'run_id:(%x+)') or ''
end

local function make_mark(mark)
  redis.call('HSET', mark, 'since', NOW_IN_MICROSECONDS, 'server', server_run())
  return NOW_IN_MICROSECONDS
end

local function mark_of(mark)
  return redis.call('HGET', mark, 'since') or make_mark(mark)
end

-- The number to give out next, for an outbox with this `head`. What was given out and then lost is
-- known to those who are connected: numbers go on beyond all of these, unless they begin now.
local function next_number(numbers, since, head, begins)
  if begins or redis.call('HGET', numbers, 'numbered') == since then
    return head + 1
  end
  return math.max(head + 1, tonumber(NOW_IN_MICROSECONDS))
end
