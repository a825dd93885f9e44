#!lua flags=allow-oom
-- Says that a member of a set lives, forgets those that have not said so for too long.
-- (allow-oom: a host must not seem dead because Redis is full)
--
-- KEYS  1 members (sorted set: name → the time in ms until which its heartbeat holds)
-- ARGV  1 name   2 time to live, ms
-- Returns  {now in ms, as text, {name, …}}

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], string.format('%.0f', now + tonumber(ARGV[2])), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
return {string.format('%.0f', now), redis.call('ZRANGE', KEYS[1], 0, -1)}
