-- Stores a checkpoint and keeps the one before it; adds and drops segments of command ids.
--
-- KEYS  1 owner (hash)   2 checkpoints (list, newest first)   3 segments (hash)
-- ARGV  1 epoch   2 nonce   3 the checkpoint   4 name of the segment to add, or ''   5 its bytes
--       6 its position   7 … names of segments to drop
-- Returns  'ok', or 'fenced' (nothing is written)
-- Repeating a call changes nothing: a repeat must not push the other generation out, nor, when it lands
-- late, put itself before a later checkpoint, for then the log may begin after what it needs.

local owner = redis.call('HMGET', KEYS[1], 'epoch', 'nonce', 'checkpoint')
if owner[1] ~= ARGV[1] or owner[2] ~= ARGV[2] then return 'fenced' end
if tonumber(ARGV[6]) < tonumber(owner[3] or 0) then return 'ok' end

if ARGV[4] ~= '' then redis.call('HSET', KEYS[3], ARGV[4], ARGV[5]) end
if redis.call('LINDEX', KEYS[2], 0) ~= ARGV[3] then
  redis.call('LPUSH', KEYS[2], ARGV[3])
  redis.call('LTRIM', KEYS[2], 0, 1)
end
redis.call('HSET', KEYS[1], 'checkpoint', ARGV[6])
for i = 7, #ARGV do redis.call('HDEL', KEYS[3], ARGV[i]) end
return 'ok'
