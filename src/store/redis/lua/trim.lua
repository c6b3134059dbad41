-- The ledger has the journal up to a position: forget those batches, and what ended in them. ARGV after the beginning: from and to; where the ledger stands: its position, and the mark
-- of the batch there; how many transitions are forgotten; the number of ids of ended reservations and the ids; ids of cancelled orders. Does nothing if somebody else has trimmed.
local journal = redis.call('HMGET', P .. 'h', 'base', 'mark')
local base, from, to, reached = tonumber(journal[1]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
if not base then
  return redis.error_reply('HOLDFAST broken: the head of the journal is missing')
end

-- Of the batch that ends at a position, as write.lua wrote it; of what was forgotten, only the last is known.
local function markAt(position)
  if position == base then
    return journal[2]
  end
  return string.match(redis.call('LINDEX', P .. 'j', position - base - 1) or '', '^%d+\n%d+\n([^\n]*)\n')
end

-- A Redis that went back to what it was before, and then went on, has other batches there than those that the ledger has, or none yet.
if reached >= base and markAt(reached) ~= ARGV[7] then
  return redis.error_reply('HOLDFAST broken: it holds another journal than the ledger, or older data')
end
if base ~= from or to <= from then
  return base
end
redis.call('HSET', P .. 'h', 'base', whole(to), 'mark', markAt(to))
redis.call('LTRIM', P .. 'j', to - from, -1)
redis.call('HINCRBY', P .. 'h', 'pending', -ARGV[8])
local function forget(name, first, last)
  for at = first, last, 1000 do
    redis.call('HDEL', P .. name, unpack(ARGV, at, math.min(at + 999, last)))
  end
end
local orders = 10 + tonumber(ARGV[9])
forget('r', 10, orders - 1)
forget('o', orders, #ARGV)
return to
