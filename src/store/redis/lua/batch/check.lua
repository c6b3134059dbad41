
-- Nothing has been written yet. Keys that belong together are there together, of every sku that the batch changes; else this Redis has lost some of them, and what would be written
-- beside them could never be given back, or be had more often than the limit allows.
for sku in pairs(openDelta) do
  local stock, times = stocks[sku], redis.call('ZCARD', P .. 'D:' .. sku)
  if redis.call('HLEN', P .. 'U:' .. sku) ~= times or (stock and (stock.reservedBefore > 0) ~= (times > 0)) then
    return redis.error_reply('HOLDFAST broken: the due times of ' .. sku .. ' are missing')
  end
end
for sku in pairs(usageDelta) do
  if stocks[sku].limit and stocks[sku].takenBefore > 0 and redis.call('EXISTS', P .. 'u:' .. sku) == 0 then
    return redis.error_reply('HOLDFAST broken: the users of ' .. sku .. ' are missing')
  end
end
if next(slots) and redis.call('HLEN', P .. 'l') ~= tonumber(journal[4] or 0) then
  return redis.error_reply('HOLDFAST broken: slots are missing')
end
