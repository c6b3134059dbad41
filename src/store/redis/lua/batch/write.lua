-- Everything was read and decided; now it is written.

if isRepeat then
  redis.call('SET', P .. 'f:' .. caller, ARGV[3], 'PX', 86400000)
end

local function writeMany(verb, name, map)
  local flat = {}
  for field, value in pairs(map) do
    flat[#flat + 1] = field
    flat[#flat + 1] = value
    if #flat >= 2000 then
      if name then redis.call(verb, name, unpack(flat)) else redis.call(verb, unpack(flat)) end
      flat = {}
    end
  end
  if #flat > 0 then
    if name then redis.call(verb, name, unpack(flat)) else redis.call(verb, unpack(flat)) end
  end
end

writeMany('HSET', P .. 'r', written)

local books = {}
for sku, stock in pairs(stocks) do
  if stock.changed then
    books[P .. 's:' .. sku] = stockText(stock) .. ' ' .. stock.product
  end
  if stock.usage then
    redis.call('UNLINK', P .. 'u:' .. sku)
    if stock.usage ~= '' then
      redis.call('RENAME', P .. stock.usage, P .. 'u:' .. sku)
    end
  end
end
writeMany('MSET', nil, books)

for bucket, count in pairs(trims) do
  redis.call('LTRIM', bucket, count, -1)
end
for sku, dues in pairs(openAdd) do
  for dueAt, joined in pairs(dues) do
    for from = 1, #joined, 200 do
      redis.call('RPUSH', P .. 'd:' .. sku .. ':' .. dueAt, table.concat(joined, ' ', from, math.min(from + 199, #joined)))
    end
  end
end
for sku, dues in pairs(openDelta) do
  local isFewer = false
  local first
  for dueAt, units in pairs(dues) do
    if redis.call('HINCRBY', P .. 'U:' .. sku, dueAt, units) == 0 then
      redis.call('HDEL', P .. 'U:' .. sku, dueAt)
      redis.call('ZREM', P .. 'D:' .. sku, dueAt)
      redis.call('UNLINK', P .. 'd:' .. sku .. ':' .. dueAt)
      isFewer = true
    elseif units > 0 then
      redis.call('ZADD', P .. 'D:' .. sku, dueAt, dueAt)
      if not first or tonumber(dueAt) < tonumber(first) then
        first = dueAt
      end
    end
  end
  if isFewer then
    first = redis.call('ZRANGE', P .. 'D:' .. sku, 0, 0)[1]
    if first then
      redis.call('ZADD', P .. 'N', first, sku)
    else
      redis.call('ZREM', P .. 'N', sku)
    end
  elseif first then
    redis.call('ZADD', P .. 'N', 'LT', first, sku)
  end
end
for sku, users in pairs(usageDelta) do
  if stocks[sku].limit then
    for user, units in pairs(users) do
      if redis.call('HINCRBY', P .. 'u:' .. sku, user, units) == 0 then
        redis.call('HDEL', P .. 'u:' .. sku, user)
      end
    end
  end
end
local newSlots = 0
for name, slot in pairs(slots) do
  if slot.isChanged then
    local text = slotText(slot)
    if text ~= '' then
      redis.call('HSET', P .. 'l', name, text)
    elseif slot.isThere then
      redis.call('HDEL', P .. 'l', name)
    end
    newSlots = newSlots + (text ~= '' and 1 or 0) - (slot.isThere and 1 or 0)
  end
end
if newSlots ~= 0 then
  redis.call('HINCRBY', P .. 'h', 'slots', newSlots)
end
for sku, text in pairs(changedProducts) do
  redis.call('SET', P .. 'p:' .. sku, text)
end
for _, sku in ipairs(newProducts) do
  redis.call('ZADD', P .. 'skus', 0, sku)
end
for orderId, cancelledAt in pairs(cancelled) do
  redis.call('HSET', P .. 'o', orderId, cancelledAt)
end
for key, text in pairs(newAnswers) do
  redis.call('SET', P .. 'a:' .. key, text, 'PX', 86400000)
end

local position = tonumber(journal[1])
if transitions > 0 then
  position = redis.call('HINCRBY', P .. 'h', 'head', 1)
  redis.call('HINCRBY', P .. 'h', 'pending', transitions)
  redis.call('RPUSH', P .. 'j', nowText .. '\n' .. transitions .. '\n' .. table.concat(lines, '\n'))
end
if isBehind then
  return redis.error_reply('HOLDFAST behind')
end

local prices = {}
for index, sku in ipairs(skus) do
  prices[index] = stocks[sku] and stocks[sku].price or '-'
end
return { now, position, prices, replies }
