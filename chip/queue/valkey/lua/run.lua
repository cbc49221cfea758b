-- Runs `entry` for each of the entries that one call carries: PER_ENTRY keys each, and for each a
-- count of arguments and so many arguments. One entry's error is its own answer, and hurts no other.
local answers, key, argument = {}, 0, 1
while argument <= #ARGV do
  local count = tonumber(ARGV[argument])
  local ok, answer = pcall(entry,
    {unpack(KEYS, key + 1, key + PER_ENTRY)},
    {unpack(ARGV, argument + 1, argument + count)})
  if not ok then
    answer = {err = type(answer) == 'table' and answer.err or tostring(answer)}
  end
  answers[#answers + 1] = answer
  key, argument = key + PER_ENTRY, argument + 1 + count
end
return answers
