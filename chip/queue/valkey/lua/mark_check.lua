-- Is what lies here what lay here before? If that is not certain, a new mark is made.
-- KEYS  mark
-- ARGV  the `since` that this process knows or '', ms since it could store anything last
-- Answers `since`.
local mark, known, away = KEYS[1], ARGV[1], tonumber(ARGV[2])
local since, server = unpack(redis.call('HMGET', mark, 'since', 'server'))
if not since or server ~= server_run() then
  return make_mark(mark)
end
-- Others have noticed a loss. This process may have gone on for a while after that, with the server
-- of before: then it has lost something, too.
local age = (tonumber(NOW_IN_MICROSECONDS) - tonumber(since)) / 1000
if known ~= '' and known ~= since and age > away then
  return make_mark(mark)
end
return since
