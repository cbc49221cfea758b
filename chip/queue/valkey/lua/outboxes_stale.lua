-- Chats whose oldest message has waited too long.
-- KEYS  outboxes
-- ARGV  limit
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', NOW - OUTBOX_MS, 'LIMIT', 0, ARGV[1])
