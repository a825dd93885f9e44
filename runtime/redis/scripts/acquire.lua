-- Takes a partition that is free, or whose lease has ended, or that the same nonce owns.
--
-- KEYS  1 owner (hash)   2 log (stream)   3 epochs (hash)
-- ARGV  1 nonce   2 host   3 queue group   4 lease, ms
-- Returns  {'acquired', epoch, top, published}
--          {'held', host}                 another's lease still runs
--          {'lost-tail', known, found, epoch}    the log does not end where its owner left it: the
--                                         partition is taken to be halted, its log stays as it is,
--                                         and the field `lost` keeps it from being written
-- Numbers are returned as text. Everything is checked before the first write; the first write is
-- the XADD, which alone could still be refused, and then nothing has changed.

local function text(number) return string.format('%.0f', number) end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local owner = redis.call('HMGET', KEYS[1], 'epoch', 'nonce', 'host', 'until', 'top', 'published',
  'checkpoint')
if owner[1] and owner[2] ~= ARGV[1] and tonumber(owner[4]) > now then
  return {'held', owner[3]}
end

-- Where the log ends: an entry's id is <epoch>-<position of its first record>, its field n the
-- number of its records, 0 for an epoch marker, which stands at the top position it found.
local epoch, top = 0, 0
local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
if last then
  local first
  epoch, first = last[1]:match('^(%d+)-(%d+)$')
  epoch, top = tonumber(epoch), tonumber(first)
  local n = last[2][1] == 'n' and tonumber(last[2][2]) or 0
  if n > 0 then top = top + n - 1 end
end
epoch = text(math.max(epoch, tonumber(owner[1] or 0)) + 1)
if owner[1] and owner[5] ~= text(top) then
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'nonce', ARGV[1], 'host', ARGV[2], 'group', ARGV[3],
    'until', text(now + tonumber(ARGV[4])), 'lost', 1)
  return {'lost-tail', owner[5], text(top), epoch}
end

redis.call('XADD', KEYS[2], epoch .. '-' .. text(top), 'n', 0, 'records', '')
redis.call('HSET', KEYS[3], epoch, text(top + 1))
-- A checkpoint above the top of a log that was cut by hand must not keep all later ones out.
local checkpoint = math.min(tonumber(owner[7] or 0), top)
redis.call('HSET', KEYS[1], 'epoch', epoch, 'nonce', ARGV[1], 'host', ARGV[2], 'group', ARGV[3],
  'until', text(now + tonumber(ARGV[4])), 'top', text(top), 'token', '',
  'published', owner[6] or '0', 'checkpoint', text(checkpoint))
redis.call('HDEL', KEYS[1], 'lost')
return {'acquired', epoch, text(top), owner[6] or '0'}
