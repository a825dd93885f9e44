-- Adds a command on which an actor failed to the dead letters; about the last 10,000 are kept.
--
-- KEYS  1 owner (hash)   2 dead letters (stream)
-- ARGV  1 epoch   2 nonce   3 actor   4 command id   5 payload   6 error
-- Returns  'ok', or 'fenced' (nothing is written)

local owner = redis.call('HMGET', KEYS[1], 'epoch', 'nonce')
if owner[1] ~= ARGV[1] or owner[2] ~= ARGV[2] then return 'fenced' end

redis.call('XADD', KEYS[2], 'MAXLEN', '~', 10000, '*',
  'actor', ARGV[3], 'id', ARGV[4], 'payload', ARGV[5], 'error', ARGV[6])
return 'ok'
