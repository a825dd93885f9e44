-- Adds a command or message on which an actor failed to the dead letters; the latest are kept.
--
-- KEYS  1 owner (hash)   2 dead letters (stream)
-- ARGV  1 epoch   2 nonce   3 the record's epoch   4 its position   5 how many letters are kept
--       6 … field, value, field, value …
-- Returns  'ok' (also if it is there already, or was once), or 'fenced' (nothing is written)

local owner = redis.call('HMGET', KEYS[1], 'epoch', 'nonce')
if owner[1] ~= ARGV[1] or owner[2] ~= ARGV[2] then return 'fenced' end

local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
if last then
  local epoch, position = string.match(last[1], '^(%d+)-(%d+)$')
  epoch, position = tonumber(epoch), tonumber(position)
  if tonumber(ARGV[3]) < epoch then return 'ok' end
  if tonumber(ARGV[3]) == epoch and tonumber(ARGV[4]) <= position then return 'ok' end
end

redis.call('XADD', KEYS[2], 'MAXLEN', ARGV[5], ARGV[3] .. '-' .. ARGV[4], unpack(ARGV, 6))
return 'ok'
