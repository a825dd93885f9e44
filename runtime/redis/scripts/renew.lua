#!lua flags=allow-oom
-- Extends a lease, and notes how far the owner has published events; that never goes back.
-- (allow-oom: a lease must not end because Redis is full)
--
-- KEYS  1 owner (hash)
-- ARGV  1 epoch   2 nonce   3 lease, ms   4 published position
-- Returns  'ok', or 'fenced' if another owns the partition (nothing is written)

local owner = redis.call('HMGET', KEYS[1], 'epoch', 'nonce', 'published')
if owner[1] ~= ARGV[1] or owner[2] ~= ARGV[2] then return 'fenced' end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], 'until', string.format('%.0f', now + tonumber(ARGV[3])))
if tonumber(ARGV[4]) > tonumber(owner[3]) then
  redis.call('HSET', KEYS[1], 'published', ARGV[4])
end
return 'ok'
