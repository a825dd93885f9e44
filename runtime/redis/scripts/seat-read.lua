-- Reads for a consumer group, if the consumer holds the seat. For Redis each partition has just one
-- consumer, `reader`: the seat says who that is at present, so whoever takes it over finds what its
-- former holder did not acknowledge as its own.
--
-- KEYS  1 reader (string with expiry)   2 log (stream)
-- ARGV  1 consumer   2 group   3 count   4 '>' for what comes next, or the id after which to repeat
--         what is not acknowledged
-- Returns  entries as XRANGE does (without fields if they have left the log), or 'lost'

if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'lost' end
local reply = redis.call('XREADGROUP', 'GROUP', ARGV[2], 'reader', 'COUNT', ARGV[3],
  'STREAMS', KEYS[2], ARGV[4])
return reply and reply[1][2] or {}
