-- Chats whose time has come, longest due first.
-- KEYS  spools
-- ARGV  limit
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', NOW, 'LIMIT', 0, ARGV[1])
