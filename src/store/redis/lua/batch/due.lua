-- Reservations that are due, and are given back before anything is decided.

local due, dueSet, dueOf, dueAtOf, examined, isBehind = {}, {}, {}, {}, 0, false
local examinedMax = 1500

local function addDue(row)
  if dueSet[row.id] then
    return
  end
  dueSet[row.id] = true
  due[#due + 1] = row
  for _, line in ipairs(row.lines) do
    dueOf[line[1]] = (dueOf[line[1]] or 0) + line[2]
    add(dueAtOf, line[1], whole(row.expiresAt), line[2])
  end
end

-- Take due reservations out of one bucket until `enough` says so. Whole pieces of the bucket that were used up are cut off when the batch is written.
local function takeBucket(sku, dueAt, enough)
  local bucket = P .. 'd:' .. sku .. ':' .. dueAt
  local used, length = 0, redis.call('LLEN', bucket)
  for index = 0, length - 1 do
    if enough() then
      break
    end
    if examined >= examinedMax then
      isBehind = true
      break
    end
    local piece = split(redis.call('LINDEX', bucket, index), ' ')
    examined = examined + #piece
    loadRows(piece)
    local isUsed = true
    for _, id in ipairs(piece) do
      local row = rows[id]
      if row and row.status == 'a' and row.expiresAt == tonumber(dueAt) and not dueSet[id] then
        if enough() then
          isUsed = false
          break
        end
        addDue(row)
      end
    end
    if not isUsed then
      break
    end
    used = index + 1
  end
  if used > 0 then
    trims[bucket] = math.max(used, trims[bucket] or 0)
  end
  if used == length and tonumber(redis.call('HGET', P .. 'U:' .. sku, dueAt)) ~= (dueAtOf[sku] or {})[dueAt] then
    broken = 'reservations of ' .. sku .. ' are missing'
  end
end

local function takeDueOf(sku, enough)
  for from = 0, math.huge, 64 do
    local dues = redis.call('ZRANGEBYSCORE', P .. 'D:' .. sku, '-inf', now, 'LIMIT', from, 64)
    for _, dueAt in ipairs(dues) do
      if enough() or isBehind then
        return
      end
      takeBucket(sku, dueAt, enough)
    end
    if #dues < 64 then
      return
    end
  end
end

for _, id in ipairs(ids) do
  local row = rows[id]
  if row and row.status == 'a' and row.expiresAt <= now then
    addDue(row)
  end
end

-- The longest due first, whatever the sku.
if expireLimit > 0 then
  local first = #due
  local function enough()
    return #due - first >= expireLimit
  end
  for from = 0, math.huge, 200 do
    local heads = redis.call('ZRANGEBYSCORE', P .. 'N', '-inf', now, 'LIMIT', from, 200)
    local size, offset, isMore = math.max(10, math.ceil(expireLimit / #heads)), 0, #heads > 0
    while isMore and not isBehind and not enough() do
      isMore = false
      local buckets = {}
      for _, sku in ipairs(heads) do
        local dues = redis.call('ZRANGEBYSCORE', P .. 'D:' .. sku, '-inf', now, 'LIMIT', offset, size)
        for _, dueAt in ipairs(dues) do
          buckets[#buckets + 1] = { sku, dueAt, tonumber(dueAt) }
        end
        if offset == 0 and #dues == 0 then
          broken = 'the due times of ' .. sku .. ' are missing'
        end
        isMore = isMore or #dues == size
      end
      table.sort(buckets, function(a, b)
        return a[3] < b[3]
      end)
      for _, bucket in ipairs(buckets) do
        if not enough() and not isBehind then
          takeBucket(bucket[1], bucket[2], enough)
        end
      end
      offset = offset + size
    end
    if #heads < 200 or isBehind or enough() then
      break
    end
  end
end

-- No-lag expiry: where the free units do not cover more than what is wanted, so many due reservations that they do, or all. One more, because the books must not reach 0,
-- which is told as "sold out", while a due unit is free.
local wanted, wantedBy, added = {}, {}, {}
for _, command in ipairs(others) do
  if command.op == 'A' and command.delta > 0 then
    added[command.sku] = (added[command.sku] or 0) + command.delta
  elseif command.op == 'A' then
    wanted[command.sku] = (wanted[command.sku] or 0) - command.delta
  end
end

local function canBeHad(lines)
  for _, line in ipairs(lines) do
    local stock = stocks[line[1]]
    if line[2] > (stock and stock.total or 0) + (added[line[1]] or 0) then
      return false
    end
  end
  return true
end

for _, group in ipairs(groups) do
  local stock = stocks[group.sku]
  if stock and stock.limit then
    for index = group.first, group.last do
      add(wantedBy, group.sku, ARGV[commands[index] + 1], group.quantity)
    end
  end
  if stock and canBeHad({ { group.sku, group.quantity } }) then
    wanted[group.sku] = (wanted[group.sku] or 0) + group.quantity * (group.last - group.first + 1)
  end
end
for _, command in ipairs(others) do
  if command.op == 'R' then
    local isPossible = canBeHad(command.lines)
    for _, line in ipairs(command.lines) do
      local stock = stocks[line[1]]
      if stock and stock.limit then
        add(wantedBy, line[1], command.user, line[2])
      end
      if stock and isPossible then
        wanted[line[1]] = (wanted[line[1]] or 0) + line[2]
      end
    end
  end
end
for sku, units in pairs(wanted) do
  local stock = stocks[sku]
  if stock then
    local missing = units + 1 - (stock.total - stock.reserved - stock.sold)
    if missing > (dueOf[sku] or 0) then
      takeDueOf(sku, function()
        return missing <= (dueOf[sku] or 0)
      end)
    end
  end
end
-- What a user holds that is due counts against no limit.
for sku, users in pairs(wantedBy) do
  local isOver = false
  for user, units in pairs(users) do
    if usageOf(sku, user) + units > stocks[sku].limit then
      isOver = true
    end
  end
  if isOver then
    takeDueOf(sku, function()
      return false
    end)
  end
end

table.sort(due, function(a, b)
  return a.expiresAt < b.expiresAt or (a.expiresAt == b.expiresAt and a.id < b.id)
end)
for _, row in ipairs(due) do
  for _, line in ipairs(row.lines) do
    swept[line[1]] = (swept[line[1]] or 0) + line[2]
  end
end
for _, row in ipairs(due) do
  giveBack(row, 'e', 'E', row.expiresAt)
end

