#!lua flags=allow-oom
-- Takes the oldest entries out of a log, as far as its consumer groups have dealt with them.
-- (allow-oom: it is what makes room)
--
-- KEYS  1 owner (hash)   2 log (stream)
-- ARGV  1 epoch   2 nonce   3 id of the entry that is to become the first
--       4 '1' to leave behind the groups that still need what goes; else it stays for them
-- Returns  {'trimmed', id, {group, …}}   entries below this id are gone; the groups that needed some
--                                        of what was to go
--          {'fenced'}                    another owns the partition (nothing is written)
--          {'diverged'}                  the log has no such entry (nothing is written)
-- The groups are asked here, where nobody can read or create one between the look and the cut. The
-- cut is always the id of an entry that stays: a log is never empty, for its top is read from it.

local owner = redis.call('HMGET', KEYS[1], 'epoch', 'nonce')
if owner[1] ~= ARGV[1] or owner[2] ~= ARGV[2] then return {'fenced'} end
if #redis.call('XRANGE', KEYS[2], ARGV[3], ARGV[3]) == 0 then return {'diverged'} end

-- Both halves of an id are below 2^53, where doubles are exact.
local function halves(id)
  local epoch, position = id:match('^(%d+)-(%d+)$')
  return tonumber(epoch), tonumber(position)
end
local function is_below(one, other)
  local epoch, position = halves(one)
  local other_epoch, other_position = halves(other)
  return epoch < other_epoch or (epoch == other_epoch and position < other_position)
end

local cut, behind = ARGV[3], {}
local oldest = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1][1]
for _, reply in ipairs(redis.call('XINFO', 'GROUPS', KEYS[2])) do
  local group = {}
  for i = 1, #reply, 2 do group[reply[i]] = reply[i + 1] end
  -- What it needs begins with what it has not acknowledged and is still there, or else follows what it
  -- was given.
  local from = '(' .. group['last-delivered-id']
  local pending = redis.call('XPENDING', KEYS[2], group['name'], oldest, '+', 1)[1]
  if pending then from = pending[1] end
  local needed = redis.call('XRANGE', KEYS[2], from, '(' .. ARGV[3], 'COUNT', 1)[1]
  if needed then
    behind[#behind + 1] = group['name']
    if is_below(needed[1], cut) then cut = needed[1] end
  end
end
if ARGV[4] == '1' then cut = ARGV[3] end

redis.call('XTRIM', KEYS[2], 'MINID', '=', cut)
return {'trimmed', cut, behind}
