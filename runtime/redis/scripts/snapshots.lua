-- Stores snapshots of actors, each unless one of the same or a higher version is there.
--
-- KEYS  1 owner (hash)   2 snapshots (hash)   3 what the keys of chunks begin with: {mr:n}:chunks:
-- ARGV  1 epoch   2 nonce, then two per snapshot: actor, value
--       A value is "<version> <position> <hash> <chunks>\n<state>". With chunks above 0 the state is
--       empty and lies in that many fields of <KEYS 3><actor>:<version>, written before by
--       chunk.lua; these keys are built here and lie in the same slot.
-- Returns  'ok', 'fenced', or 'incomplete' if a snapshot's chunks are not all there (in both cases
--          nothing is written)

local owner = redis.call('HMGET', KEYS[1], 'epoch', 'nonce')
if owner[1] ~= ARGV[1] or owner[2] ~= ARGV[2] then return 'fenced' end

local function header(value) return value:match('^(%S+) %S+ %S+ (%d+)\n') end
local function chunks_key(actor, version) return KEYS[3] .. actor .. ':' .. version end

for i = 3, #ARGV, 2 do
  local version, chunks = header(ARGV[i + 1])
  if chunks ~= '0' and redis.call('HLEN', chunks_key(ARGV[i], version)) ~= tonumber(chunks) then
    return 'incomplete'
  end
end

for i = 3, #ARGV, 2 do
  local actor, value = ARGV[i], ARGV[i + 1]
  local version, chunks = header(value)
  local old_version, old_chunks = header(redis.call('HGET', KEYS[2], actor) or '-1 0 - 0\n')
  if tonumber(version) > tonumber(old_version) then
    redis.call('HSET', KEYS[2], actor, value)
    if chunks ~= '0' then redis.call('PERSIST', chunks_key(actor, version)) end
    if old_chunks ~= '0' then redis.call('UNLINK', chunks_key(actor, old_version)) end
  end
end
return 'ok'
