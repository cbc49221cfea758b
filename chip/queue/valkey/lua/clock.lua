-- Valkey's own time, the only clock that all processes share. Read once for all entries of a call.
local TIME = redis.call('TIME')
local NOW = tonumber(TIME[1]) * 1000 + math.floor(tonumber(TIME[2]) / 1000)
local NOW_IN_MICROSECONDS = TIME[1] .. string.format('%06d', TIME[2])

-- A whole number in full: Lua itself writes large ones as 1.7e+15.
local function digits(number)
  return string.format('%.0f', number)
end

-- Tell every process that listens to the live channel. Never fails: what was stored stays stored
-- even where this user may not publish.
local function publish(live, message)
  redis.pcall(PUBLISH, live, message)
end
