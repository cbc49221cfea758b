-- Chats whose time has come, longest due first, each with the time in ms since when it is.
-- KEYS  spools
-- ARGV  limit
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', NOW, 'LIMIT', 0, ARGV[1],
  'WITHSCORES')
