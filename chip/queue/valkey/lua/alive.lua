-- This process lives, and may be trusted to for a while. Those long dead are forgotten.
-- KEYS  alive
-- ARGV  process
redis.call('ZADD', KEYS[1], NOW + ALIVE_MS, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', NOW - 3600000)
return 1
