-- All that is kept of a chat, as it lies there. Changes nothing.
-- KEYS  outbox, outboxes, numbers, sent, then those of a spool
-- ARGV  chat
-- Answers the time in ms, the outbox, what was sent with its times, the spool, the reports with
-- theirs, fields and values of the hash `courier`, when the chat is due, how long its owner lives.
local spool, chat = spool_of(KEYS, 5), ARGV[1]
local owner = redis.call('HGET', spool.courier, 'owner')
return {
  NOW,
  redis.call('LRANGE', KEYS[1], 0, -1),
  redis.call('ZRANGE', KEYS[4], 0, -1, 'WITHSCORES'),
  redis.call('LRANGE', spool.list, 0, -1),
  redis.call('ZRANGE', spool.reports, 0, -1, 'WITHSCORES'),
  redis.call('HGETALL', spool.courier),
  redis.call('ZSCORE', spool.spools, chat),
  owner and redis.call('ZSCORE', spool.alive, owner),
}
