-- Reads for a consumer group, if the consumer holds the seat. For Redis each partition has just one
-- consumer, `reader`: the seat says who that is at present, so whoever takes it over finds what its
-- former holder did not acknowledge as its own.
--
-- KEYS  1 reader (string with expiry)   2 log (stream)
-- ARGV  1 consumer   2 group   3 'next' for what was not delivered yet, 'again' for what was, and is not
--         acknowledged   4 the id after which   5 count
-- Returns  entries as XRANGE does (without fields if they have left the log)
--          'lost'    the seat is not the consumer's
--          'moved'   the group was last given another entry than that with the id: this is a late
--                    sending, or the consumer does not know of one that was carried out
-- With 'lost' and 'moved' nothing is delivered.

if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'lost' end

local from = ARGV[4]
if ARGV[3] == 'next' then
  from = '>'
  for _, reply in ipairs(redis.call('XINFO', 'GROUPS', KEYS[2])) do
    local group = {}
    for i = 1, #reply, 2 do group[reply[i]] = reply[i + 1] end
    if group['name'] == ARGV[2] and group['last-delivered-id'] ~= ARGV[4] then return 'moved' end
  end
end
local reply = redis.call('XREADGROUP', 'GROUP', ARGV[2], 'reader', 'COUNT', ARGV[5],
  'STREAMS', KEYS[2], from)
return reply and reply[1][2] or {}
