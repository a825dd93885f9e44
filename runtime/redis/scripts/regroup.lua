#!lua flags=allow-oom
-- Names the queue group through which alone requests reach the owner from now on.
-- (allow-oom: it replaces one name by another)
--
-- KEYS  1 owner (hash)
-- ARGV  1 epoch   2 nonce   3 queue group
-- Returns  'ok', or 'fenced' if another owns the partition (nothing is written)

local owner = redis.call('HMGET', KEYS[1], 'epoch', 'nonce')
if owner[1] ~= ARGV[1] or owner[2] ~= ARGV[2] then return 'fenced' end

redis.call('HSET', KEYS[1], 'group', ARGV[3])
return 'ok'
