-- Look at one thing. ARGV[4]: at what; then which. Every reply begins with the time.
local function stockAndProduct(sku)
  local stock, product = redis.call('GET', P .. 's:' .. sku), redis.call('GET', P .. 'p:' .. sku)
  if not stock and not product and not redis.call('ZSCORE', P .. 'skus', sku) then
    return false
  end
  if not stock or not product then
    error('HOLDFAST broken: the books of ' .. sku .. ' are missing')
  end
  local soonest = redis.call('ZRANGEBYSCORE', P .. 'D:' .. sku, '(' .. whole(now), '+inf', 'LIMIT', 0, 1)[1]
  return sku .. '\t' .. string.match(stock, '^%d+ %d+ %d+ %d+') .. '\t' .. whole(dueBefore(sku)) .. '\t' .. (soonest or '') .. '\t' .. product
end

local what = ARGV[4]
if what == 'product' then
  return { now, stockAndProduct(ARGV[5]) }
elseif what == 'products' then -- after a sku, so many
  local skus = redis.call('ZRANGEBYLEX', P .. 'skus', '(' .. ARGV[5], '+', 'LIMIT', 0, ARGV[6])
  local reply = { now }
  for index, sku in ipairs(skus) do
    reply[index + 1] = stockAndProduct(sku)
    if not reply[index + 1] then
      error('HOLDFAST broken: the product ' .. sku .. ' is missing')
    end
  end
  return reply
elseif what == 'reservations' then -- by their ids
  local reply = { now }
  for index = 5, #ARGV do
    reply[index - 3] = redis.call('HGET', P .. 'r', ARGV[index])
  end
  return reply
elseif what == 'slot' then -- the reservations that occupy it, the oldest first, each as its id and itself
  local reply = { now }
  if redis.call('HLEN', P .. 'l') ~= tonumber(redis.call('HGET', P .. 'h', 'slots') or 0) then
    error('HOLDFAST broken: slots are missing')
  end
  for id, dueAt in string.gmatch(redis.call('HGET', P .. 'l', ARGV[5]) or '', '(%S+) (%d+)') do
    if tonumber(dueAt) > now then
      reply[#reply + 1] = id
      reply[#reply + 1] = redis.call('HGET', P .. 'r', id)
      if not reply[#reply] then
        error('HOLDFAST broken: the reservation ' .. id .. ' is missing')
      end
    end
  end
  return reply
elseif what == 'due' then -- when the next reservation is due
  return { now, redis.call('ZRANGE', P .. 'N', 0, 0, 'WITHSCORES')[2] or false }
elseif what == 'vitals' then -- the same; transitions that wait for the ledger; reservations that are active, and those whose end waits for the ledger
  local next = redis.call('ZRANGE', P .. 'N', 0, 0, 'WITHSCORES')[2] or false
  return { now, next, redis.call('HGET', P .. 'h', 'pending') or '0', tostring(redis.call('HLEN', P .. 'r')) }
elseif what == 'position' then -- of the journal: where it begins and where it ends
  local journal = redis.call('HMGET', P .. 'h', 'base', 'head')
  if not journal[1] or not journal[2] then
    error('HOLDFAST broken: the head of the journal is missing')
  end
  return { now, tonumber(journal[1]), tonumber(journal[2]) }
elseif what == 'journal' then -- its first batches, so many transitions
  local head = redis.call('HMGET', P .. 'h', 'base', 'head', 'pending')
  local reply = { now, tonumber(head[1]), tonumber(head[2]), tonumber(head[3]) }
  local length = redis.call('LLEN', P .. 'j')
  if not head[1] or not head[2] or not head[3] or length ~= head[2] - head[1] then
    error('HOLDFAST broken: the journal has ' .. length .. ' batches')
  end
  local transitions = 0
  for from = 0, length - 1, 16 do
    for _, batch in ipairs(redis.call('LRANGE', P .. 'j', from, from + 15)) do
      transitions = transitions + string.match(batch, '^%d+\n(%d+)\n')
      reply[#reply + 1] = batch
      if transitions >= tonumber(ARGV[5]) then
        return reply
      end
    end
  end
  return reply
end
return redis.error_reply('HOLDFAST unknown: ' .. what)
