-- Stores the settings of a cluster if there are none yet.
--
-- KEYS  1 cluster (hash)
-- ARGV  1 id   2 partitions   3 scales, JSON
-- Returns  {id, partitions, scales} as they are stored now

if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'id', ARGV[1], 'partitions', ARGV[2], 'scales', ARGV[3])
end
return redis.call('HMGET', KEYS[1], 'id', 'partitions', 'scales')
