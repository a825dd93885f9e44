-- Appends one group of records to a log.
--
-- KEYS  1 owner (hash)   2 log (stream)
-- ARGV  1 epoch   2 nonce   3 top position before   4 number of records   5 records   6 token
-- Returns  'ok'
--          'already'     this very group is there: its top and its token are the owner record's
--          'fenced'      another owns the partition
--          'diverged'    the log does not end where its owner thinks, or has lost its end
-- Everything is checked before the first write. That is the XADD, by which Redis itself refuses an
-- id at or below the log's top; then nothing has changed. A log that has an owner is never empty, but
-- one that is gone may be there again without an entry: a consumer group makes it where it finds none.

local owner = redis.call('HMGET', KEYS[1], 'epoch', 'nonce', 'top', 'token', 'lost')
if owner[1] ~= ARGV[1] or owner[2] ~= ARGV[2] then return 'fenced' end

if owner[5] or redis.call('XLEN', KEYS[2]) == 0 then return 'diverged' end

-- Positions are below 2^53, where doubles are exact; they are compared as text.
local top = string.format('%.0f', tonumber(ARGV[3]) + tonumber(ARGV[4]))
if owner[3] == top and owner[4] == ARGV[6] then return 'already' end
if owner[3] ~= ARGV[3] then return 'diverged' end

local id = ARGV[1] .. '-' .. string.format('%.0f', tonumber(ARGV[3]) + 1)
local added = redis.pcall('XADD', KEYS[2], id, 'n', ARGV[4], 'records', ARGV[5])
if added.err then
  if added.err:find('equal or smaller', 1, true) then return 'diverged' end
  return added
end
redis.call('HSET', KEYS[1], 'top', top, 'token', ARGV[6])
return 'ok'
