-- Gives a partition to a successor: the next epoch and a lease are its own at once, and the queue group
-- stays, for the successor has joined it.
--
-- KEYS  1 owner (hash)   2 log (stream)   3 epochs (hash)
-- ARGV  1 epoch   2 nonce   3 published position   4 successor's nonce   5 its host   6 its lease, ms
--       7 the queue group that the successor has joined
-- Returns  'ok'          the successor owns, perhaps by an earlier sending of this very call
--          'fenced'      another owns the partition, or it is reached through another group by now: this
--                        is a late sending, of an owner that has gone on (nothing is written)
--          'diverged'    the log does not end where its owner thinks, or has lost its end (nothing is
--                       written)
-- Everything is checked before the first write. That is the XADD, by which Redis itself refuses an
-- id at or below the log's top; then nothing has changed. A log that is gone is empty: see append.lua.

local function text(number) return string.format('%.0f', number) end

local owner = redis.call('HMGET', KEYS[1], 'epoch', 'nonce', 'top', 'published', 'lost', 'group')
local epoch = text(tonumber(ARGV[1]) + 1)
if owner[1] == epoch and owner[2] == ARGV[4] then return 'ok' end
if owner[1] ~= ARGV[1] or owner[2] ~= ARGV[2] or owner[6] ~= ARGV[7] then return 'fenced' end

if owner[5] or redis.call('XLEN', KEYS[2]) == 0 then return 'diverged' end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local added = redis.pcall('XADD', KEYS[2], epoch .. '-' .. owner[3], 'n', 0, 'records', '')
if added.err then
  if added.err:find('equal or smaller', 1, true) then return 'diverged' end
  return added
end
redis.call('HSET', KEYS[3], epoch, text(tonumber(owner[3]) + 1))
redis.call('HSET', KEYS[1], 'epoch', epoch, 'nonce', ARGV[4], 'host', ARGV[5],
  'until', text(now + tonumber(ARGV[6])), 'token', '')
if tonumber(ARGV[3]) > tonumber(owner[4]) then
  redis.call('HSET', KEYS[1], 'published', ARGV[3])
end
return 'ok'
