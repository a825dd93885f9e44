#!lua flags=allow-oom
-- Names the queue group through which alone requests reach the owner from now on.
-- (allow-oom: it replaces one name by another)
--
-- KEYS  1 owner (hash)
-- ARGV  1 epoch   2 nonce   3 queue group   4 the one that it takes the place of
-- Returns  'ok'      perhaps by an earlier sending of this very call
--          'fenced'  another owns the partition, or this is a late sending and the owner has named yet
--                    another group (nothing is written)

local owner = redis.call('HMGET', KEYS[1], 'epoch', 'nonce', 'group')
if owner[1] ~= ARGV[1] or owner[2] ~= ARGV[2] then return 'fenced' end
if owner[3] == ARGV[3] then return 'ok' end
if owner[3] ~= ARGV[4] then return 'fenced' end

redis.call('HSET', KEYS[1], 'group', ARGV[3])
return 'ok'
