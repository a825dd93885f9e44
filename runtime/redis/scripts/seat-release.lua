-- Gives up the seat of a consumer group at a partition.
--
-- KEYS  1 reader (string with expiry)
-- ARGV  1 consumer
-- Returns  1 if the consumer held it, else 0

if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
