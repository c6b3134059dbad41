-- The ledger has the journal up to a position: forget those batches, and what ended in them. ARGV after the generation: from and to; how many transitions that were; the number of
-- ids of ended reservations and the ids; ids of cancelled orders. Does nothing if somebody else has trimmed. Returns where the journal begins now.
local base, from, to = tonumber(redis.call('HGET', P .. 'h', 'base')), tonumber(ARGV[2]), tonumber(ARGV[3])
if base ~= from or to <= from then
  return base
end
redis.call('LTRIM', P .. 'j', to - from, -1)
redis.call('HINCRBY', P .. 'h', 'pending', -ARGV[4])
redis.call('HSET', P .. 'h', 'base', whole(to))
local function forget(name, first, last)
  for at = first, last, 1000 do
    redis.call('HDEL', P .. name, unpack(ARGV, at, math.min(at + 999, last)))
  end
end
local orders = 6 + tonumber(ARGV[5])
forget('r', 6, orders - 1)
forget('o', orders, #ARGV)
return to
