-- Stores one chunk of a snapshot that is too large for one script. It counts for nothing until
-- snapshots.lua names it; if that never happens, it expires.
--
-- KEYS  1 owner (hash)   2 snapshots (hash)   3 chunks of this actor and version (hash)
-- ARGV  1 epoch   2 nonce   3 actor   4 version   5 number of the chunk, from 0   6 its bytes
-- Returns  'ok', 'fenced', or 'stale' if a snapshot of the same or a higher version is there
--          (nothing is written)

local owner = redis.call('HMGET', KEYS[1], 'epoch', 'nonce')
if owner[1] ~= ARGV[1] or owner[2] ~= ARGV[2] then return 'fenced' end
local stored = redis.call('HGET', KEYS[2], ARGV[3])
if stored and tonumber(stored:match('^(%S+) ')) >= tonumber(ARGV[4]) then return 'stale' end

redis.call('HSET', KEYS[3], ARGV[5], ARGV[6])
redis.call('EXPIRE', KEYS[3], 600)
return 'ok'
