-- Takes the seat of a consumer group at a partition, or keeps it.
--
-- KEYS  1 reader (string with expiry)
-- ARGV  1 consumer   2 time to live, ms
-- Returns  1 if the consumer holds the seat now, 0 if another does

local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
