-- What the batch does to the books, and what is written in the journal about it. See domain/books.ts.

local nowText = whole(now)
local lines, transitions, turns = {}, 0, {}
local written, newAnswers, answerCount = {}, {}, 0
local openDelta, openAdd = {}, {} -- units by sku and due time; ids that join a bucket
local usageRead, usageDelta = {}, {}
local newProducts, changedProducts, cancelled, trims = {}, {}, {}, {}
local swept = {}

local function add(map, sku, name, units)
  local inner = map[sku]
  if not inner then
    inner = {}
    map[sku] = inner
  end
  inner[name] = (inner[name] or 0) + units
end

local function usageOf(sku, user)
  local known = usageRead[sku]
  if not known then
    known = {}
    usageRead[sku] = known
  end
  if not known[user] then
    known[user] = tonumber(redis.call('HGET', P .. 'u:' .. sku, user) or 0)
  end
  return known[user] + ((usageDelta[sku] or {})[user] or 0)
end

local function move(sku, total, reserved, sold)
  local stock = stockOf(sku)
  if not stock then
    return
  end
  local before = stock.total - stock.reserved - stock.sold
  stock.total, stock.reserved, stock.sold = stock.total + total, stock.reserved + reserved, stock.sold + sold
  stock.version, stock.changed = stock.version + 1, true
  local after = stock.total - stock.reserved - stock.sold
  if stock.total < 0 or stock.reserved < 0 or stock.sold < 0 or after < 0 then
    broken = 'the books of ' .. sku .. ' would have ' .. stock.reserved .. ' reserved and ' .. stock.sold .. ' sold of ' .. stock.total
  end
  if (before > 0 and after == 0) or (before == 0 and after > 0) then
    turns[#turns + 1] = sku
  end
end

local dueUnitsOf = {}

-- Units that are due and were not given back.
local function dueUnits(sku)
  if not dueUnitsOf[sku] then
    dueUnitsOf[sku] = dueBefore(sku) - (swept[sku] or 0)
    if stocks[sku].reservedBefore > 0 and redis.call('EXISTS', P .. 'D:' .. sku) == 0 then
      broken = 'the due times of ' .. sku .. ' are missing'
    end
  end
  return dueUnitsOf[sku]
end

-- When the next units come back: among those that are written and those of this batch.
local function nextRelease(sku)
  local delta = openDelta[sku] or {}
  local soonest
  for due, units in pairs(delta) do
    local time = tonumber(due)
    if time > now and units > 0 and (not soonest or time < soonest) then
      soonest = time
    end
  end
  for from = 0, math.huge, 16 do
    local dues = redis.call('ZRANGEBYSCORE', P .. 'D:' .. sku, '(' .. whole(now), '+inf', 'LIMIT', from, 16)
    for _, due in ipairs(dues) do
      if soonest and tonumber(due) >= soonest then
        return soonest
      end
      local units = redis.call('HGET', P .. 'U:' .. sku, due)
      if not units then
        broken = 'units of ' .. sku .. ' are missing'
        return soonest
      end
      if tonumber(units) + (delta[due] or 0) > 0 then
        return tonumber(due)
      end
    end
    if #dues < 16 then
      return soonest
    end
  end
end

local function releases(sku)
  local soonest = nextRelease(sku)
  return dueUnits(sku) .. '\t' .. (soonest and whole(soonest) or '')
end

-- One transition in the journal; behind it what its views of a stock show, and the answer that it is for.
local function record(line, command, shown)
  transitions = transitions + 1
  lines[#lines + 1] = line
  if shown then
    lines[#lines + 1] = 'S\t' .. shown
  end
  if #turns > 0 then
    for _, sku in ipairs(turns) do
      lines[#lines + 1] = 'S\t' .. releases(sku)
    end
    turns = {}
  end
  if command and command.key ~= '' then
    lines[#lines + 1] = 'K\t' .. command.key .. '\t' .. command.fingerprint
  end
end

local function write(row, status, text)
  row.status, row.text = status, text
  written[row.id] = text
end

-- Without its slots, which only an active one has.
local function rowText(row, status, expiresAt)
  return status .. '\t' .. whole(expiresAt) .. '\t' .. row.createdAt .. '\t' .. row.user .. '\t' .. row.items .. '\t' .. row.metadata
end

-- Ids that come back of a sku at a time, as far as this batch adds them.
local function bucketOf(sku, dueAt)
  local buckets = openAdd[sku]
  if not buckets then
    buckets = {}
    openAdd[sku] = buckets
  end
  local bucket = buckets[dueAt]
  if not bucket then
    bucket = {}
    buckets[dueAt] = bucket
  end
  return bucket
end

local function closeLines(row)
  local due = whole(row.expiresAt)
  for _, line in ipairs(row.lines) do
    add(openDelta, line[1], due, -line[2])
  end
end

local function uncount(user, moved)
  for _, line in ipairs(moved) do
    local stock = stockOf(line[1])
    if stock and stock.limit then
      add(usageDelta, line[1], user, -line[2])
    end
  end
end

local function giveBack(row, status, letter, endedAt)
  write(row, status, rowText(row, status, row.expiresAt) .. '\t' .. whole(endedAt))
  closeLines(row)
  keepSlots(row, nil)
  uncount(row.user, row.lines)
  for _, line in ipairs(row.lines) do
    move(line[1], 0, -line[2], 0)
  end
  record(letter .. '\t' .. row.id)
end

