#!lua flags=allow-oom
-- Ends a lease at once. The nonce goes too, so that whoever releases can write no more, even before
-- another has acquired.
-- (allow-oom: it frees)
--
-- KEYS  1 owner (hash)
-- ARGV  1 epoch   2 nonce   3 published position
-- Returns  'ok', or 'fenced' if another owns the partition (nothing is written)

local owner = redis.call('HMGET', KEYS[1], 'epoch', 'nonce', 'published')
if owner[1] ~= ARGV[1] or owner[2] ~= ARGV[2] then return 'fenced' end

redis.call('HSET', KEYS[1], 'until', 0, 'nonce', '')
if tonumber(ARGV[3]) > tonumber(owner[3]) then
  redis.call('HSET', KEYS[1], 'published', ARGV[3])
end
return 'ok'
