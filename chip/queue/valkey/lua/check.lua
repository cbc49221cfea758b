-- May this user do all that the scripts do? Each command once, on a key that is gone afterwards.
-- KEYS  the key for that; then one of each kind, to which access is needed
-- ARGV  a live channel that nobody minds
-- Answers what was refused, as the server says it, each after the command's name.
local key, live = KEYS[1], ARGV[1]
local refused = {}

local function try(command, ...)
  local answer = redis.pcall(command, ...)
  if type(answer) == 'table' and answer.err then
    refused[#refused + 1] = command .. ' ' .. answer.err
  end
end

-- First what needs memory: after a write that was allowed, everything is.
try('RPUSH', key, 'a', 'b', 'c')
try('LLEN', key)
try('LINDEX', key, 0)
try('LRANGE', key, 0, -1)
try('LSET', key, 0, 'd')
try('LREM', key, 1, 'b')
try('LTRIM', key, 1, -1)
try('DEL', key)
try('HSET', key, 'field', 1)
try('HSETNX', key, 'field', 1)
try('HINCRBY', key, 'field', 1)
try('HGET', key, 'field')
try('HMGET', key, 'field')
try('HDEL', key, 'field')
try('DEL', key)
try('ZADD', key, 'LT', 1, 'member')
try('ZSCORE', key, 'member')
try('ZCARD', key)
try('ZRANGE', key, 0, 0, 'WITHSCORES')
try('ZRANGEBYSCORE', key, '-inf', 1, 'LIMIT', 0, 1)
try('EXPIRE', key, 60)
try('PEXPIRE', key, 60000)
try('ZREMRANGEBYRANK', key, 0, -2)
try('ZREMRANGEBYSCORE', key, '-inf', 0)
try('ZREM', key, 'member')
try('DEL', key)
try('SET', key, 1, 'EX', 60)
try('GET', key)
try('EXISTS', key)
try('DEL', key)
try(PUBLISH, live, '')
return refused
