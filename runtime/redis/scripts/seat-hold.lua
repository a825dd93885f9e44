-- Takes the seat of a consumer group at a partition, or keeps it.
--
-- KEYS  1 reader (string with expiry)
-- ARGV  1 consumer   2 time to live, ms
-- Returns  'kept' if the consumer held the seat already, 'taken' if it was free, 'refused' if
--          another holds it

local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 'refused' end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return holder and 'kept' or 'taken'
