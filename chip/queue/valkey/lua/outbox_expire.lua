-- Take out what has waited too long, and spool a report for each.
-- KEYS  outbox, outboxes, numbers, sent, then those of a spool
-- ARGV  chat, live channel
-- Answers how many were taken out.
local outbox, outboxes, numbers, sent = unpack(KEYS)
local chat, live = unpack(ARGV)
local spool = spool_of(KEYS, 5)

count_items(outbox, numbers, spool.balance)
head_of(outbox, numbers, sent)
local taken, freed = {}, 0
for _, item in ipairs(redis.call('LRANGE', outbox, 0, -1)) do
  if known_number(item) and stamp_of(item) > NOW - OUTBOX_MS then
    break
  end
  taken[#taken + 1] = item
  freed = freed + message_size(item)
end
if #taken > 0 then
  redis.call('LTRIM', outbox, #taken, -1)
end
settle_age(outbox, outboxes, numbers, chat, #taken, freed)
if #taken > 0 then
  redis.call('HINCRBY', spool.balance, 'visitors_given_up', #taken)
end
for _, item in ipairs(taken) do
  local report, names = report_on(item, 'failed')
  add_report(spool, chat, report, report_due_at(sent, names))
  note_status(sent, names, 'failed')
  publish(live, '- ' .. digits(number_of(item)))
end
return #taken
