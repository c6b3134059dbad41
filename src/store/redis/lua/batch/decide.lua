-- The rules, as in domain/decide.ts and its neighbours. A reply is the time at which a new reservation expires, or a letter and what belongs to it; see answers.ts.

-- One that this batch made is read again only where a later command names it.
local function rowOf(id)
  if not rows[id] and written[id] then
    rows[id] = readRow(id, written[id])
  end
  return rows[id]
end

local endedReply = { c = 'dc', x = 'dx', e = 'de' }

local function reserve(command)
  local made = rowOf(command.id)
  if made then
    return 'R1\t' .. made.createdAt .. '\t' .. made.id .. '\t' .. rowText(made, 'a', made.expiresAt)
  end
  for _, line in ipairs(command.lines) do
    if not stocks[line[1]] then
      return 'n' .. line[1]
    end
  end
  for _, line in ipairs(command.lines) do
    local stock = stocks[line[1]]
    if stock.start and now < stock.start then
      return 'w' .. line[1] .. '\t' .. whole(stock.start)
    end
    if stock.stop and now >= stock.stop then
      return 'W' .. line[1] .. '\t' .. whole(stock.stop)
    end
  end
  for _, line in ipairs(command.lines) do
    local stock = stocks[line[1]]
    if stock.limit then
      local remaining = stock.limit - usageOf(line[1], command.user)
      if line[2] > remaining then
        return 'l' .. line[1] .. '\t' .. stock.limit .. '\t' .. math.max(0, remaining)
      end
    end
  end
  for _, slot in ipairs(command.slots or {}) do
    if slotOf(slot[1]).count >= slot[2] then
      return 'L' .. whole(slot[2])
    end
  end
  local short, isShort
  for _, line in ipairs(command.lines) do
    local stock = stocks[line[1]]
    local free = stock.total - stock.reserved - stock.sold
    if free < line[2] then
      isShort = true
      local available = free + dueUnits(line[1])
      if available < line[2] then
        short = (short and short .. ',' or 's') .. line[1] .. ':' .. line[2] .. ':' .. available
      end
    end
  end
  if short then
    return short
  end
  if isShort then
    broken = 'due units of a sku were not given back'
    return ''
  end

  local ttl = command.ttl
  local items
  for _, line in ipairs(command.lines) do
    local stock = stocks[line[1]]
    if not command.ttl and stock.ttl and (not ttl or stock.ttl < ttl) then
      ttl = stock.ttl
    end
    items = (items and items .. ',' or '') .. line[1] .. ':' .. line[2] .. ':' .. stock.price
  end
  local expiresAt = now + (ttl or 600000)
  local dueAt = whole(expiresAt)
  local text = 'a\t' .. dueAt .. '\t' .. nowText .. '\t' .. command.user .. '\t' .. items .. '\t' .. (command.metadata or '')
  for _, slot in ipairs(command.slots or {}) do
    occupy(slot[1], command.id, expiresAt)
    text = text .. '\t' .. slot[1]
  end
  written[command.id] = text
  for _, line in ipairs(command.lines) do
    local sku = line[1]
    add(openDelta, sku, dueAt, line[2])
    table.insert(bucketOf(sku, dueAt), command.id)
    if stocks[sku].limit then
      add(usageDelta, sku, command.user, line[2])
    end
    move(sku, 0, line[2], 0)
  end
  record('C\t' .. command.id .. '\t' .. text)
  if not command.key or command.key == '' then
    return expiresAt
  end
  return 'R1\t' .. nowText .. '\t' .. command.id .. '\t' .. text
end

-- The same for a command of a group, where the sku has neither limit nor times of sale. What is equal for all of them is made once.
local function reservePlain(place, group)
  local stock, quantity = stocks[group.sku], group.quantity
  local id, user = ARGV[place], ARGV[place + 1]
  if isRepeat or not stock or stock.limit or stock.start or stock.stop or stock.total - stock.reserved - stock.sold <= quantity then
    return reserve({ id = id, user = user, lines = { { group.sku, quantity } } })
  end
  if not group.bucket then
    group.expiresAt = now + (stock.ttl or 600000)
    group.dueAt = whole(group.expiresAt)
    group.before = 'a\t' .. group.dueAt .. '\t' .. nowText .. '\t'
    group.after = '\t' .. group.sku .. ':' .. whole(quantity) .. ':' .. stock.price .. '\t'
    group.bucket = bucketOf(group.sku, group.dueAt)
    add(openDelta, group.sku, group.dueAt, 0)
    group.opened = openDelta[group.sku]
  end
  local text = group.before .. user .. group.after
  written[id] = text
  group.bucket[#group.bucket + 1] = id
  group.opened[group.dueAt] = group.opened[group.dueAt] + quantity
  stock.reserved, stock.version, stock.changed = stock.reserved + quantity, stock.version + 1, true
  transitions = transitions + 1
  lines[#lines + 1] = 'C\t' .. id .. '\t' .. text
  return group.expiresAt
end

local function find(command)
  local row = rowOf(command.id)
  if not row then
    return nil, 'u'
  end
  if command.user ~= '' and command.user ~= row.user then
    return nil, 'o'
  end
  return row
end

local function confirm(command)
  local row, refused = find(command)
  if not row then
    -- The ledger knows what it became, but not yet that its order may have been cancelled.
    return refused == 'u' and redis.call('HLEN', P .. 'o') + (next(cancelled) and 1 or 0) > 0 and 'y' or refused
  end
  if row.status == 'c' then
    if cancelled[row.orderId] or redis.call('HEXISTS', P .. 'o', row.orderId) == 1 then
      return 'D'
    end
    return 'F' .. (row.orderId == command.orderId and 1 or 0) .. '\t' .. row.id .. '\t' .. row.text
  end
  if row.status ~= 'a' then
    return endedReply[row.status]
  end
  if command.metadata == '!' then
    return 'v'
  end
  local metadata = command.metadata == '' and row.metadata or command.metadata
  row.orderId = command.orderId
  write(row, 'c', rowText(row, 'c', row.expiresAt) .. '\t' .. nowText .. '\t' .. command.orderId .. '\t' .. metadata)
  closeLines(row)
  keepSlots(row, nil)
  for _, line in ipairs(row.lines) do
    move(line[1], 0, -line[2], line[2])
  end
  record('F\t' .. row.id .. '\t' .. command.orderId .. '\t' .. metadata, command)
  return 'F1\t' .. row.id .. '\t' .. row.text
end

local function cancel(command)
  local row, refused = find(command)
  if not row then
    return refused
  end
  if row.status ~= 'x' then
    if row.status ~= 'a' then
      return endedReply[row.status]
    end
    giveBack(row, 'x', 'X', now)
  end
  return 'R0\t' .. nowText .. '\t' .. row.id .. '\t' .. row.text
end

local function extend(command)
  local row, refused = find(command)
  if not row then
    return refused
  end
  if row.status ~= 'a' then
    return endedReply[row.status]
  end
  local expiresAt = math.max(row.expiresAt, now + command.ttl)
  if expiresAt > row.expiresAt then
    closeLines(row)
    keepSlots(row, expiresAt)
    row.expiresAt = expiresAt
    local text = rowText(row, 'a', expiresAt)
    for _, name in ipairs(row.slots or {}) do
      text = text .. '\t' .. name
    end
    write(row, 'a', text)
    local dueAt = whole(expiresAt)
    for _, line in ipairs(row.lines) do
      add(openDelta, line[1], dueAt, line[2])
      table.insert(bucketOf(line[1], dueAt), row.id)
    end
    record('T\t' .. row.id .. '\t' .. dueAt)
  end
  return 'R0\t' .. nowText .. '\t' .. row.id .. '\t' .. row.text
end

local function stockText(stock)
  return whole(stock.total) .. ' ' .. whole(stock.reserved) .. ' ' .. whole(stock.sold) .. ' ' .. whole(stock.version)
end

local function createProduct(command)
  if command.problem then
    return 'v'
  end
  if stocks[command.sku] then
    return 'p'
  end
  local stock = readStock(command.sku, whole(command.total) .. ' 0 0 1 ' .. command.product)
  stock.changed = true
  stocks[command.sku] = stock
  newProducts[#newProducts + 1] = command.sku
  changedProducts[command.sku] = nowText .. '\t' .. nowText .. '\t' .. command.details
  record('P\t' .. command.sku .. '\t' .. whole(command.total) .. '\t' .. command.details, command)
  return 'P1\t' .. command.sku .. '\t' .. stockText(stock) .. '\t0\t\t' .. changedProducts[command.sku]
end

local function updateProduct(command)
  local stock = stocks[command.sku]
  if not stock then
    return 'n' .. command.sku
  end
  local current = redis.call('GET', P .. 'p:' .. command.sku)
  if not current then
    broken = 'the product ' .. command.sku .. ' is missing'
    return ''
  end
  local createdAt, updatedAt, details = string.match(current, '^(%d+)\t(%d+)\t(.*)$')
  if details ~= command.expected then
    return 'g'
  end
  if command.problem then
    return 'v'
  end
  local shown = releases(command.sku)
  if details ~= command.details then
    local changed = readStock(command.sku, stockText(stock) .. ' ' .. command.product)
    if changed.limit and not stock.limit then
      -- What users hold and bought was counted by the caller; right only if nothing has happened since.
      if command.version ~= whole(stock.version) or redis.call('EXISTS', P .. command.usage) == 0 then
        quiet = command.wantsQuiet and command.sku
        return 'g'
      end
      stock.usage, quiet = command.usage, ''
    elseif stock.limit and not changed.limit then
      stock.usage = ''
    end
    updatedAt = nowText
    stock.limit, stock.ttl, stock.start, stock.stop, stock.price = changed.limit, changed.ttl, changed.start, changed.stop, changed.price
    stock.product, stock.changed = command.product, true
    changedProducts[command.sku] = createdAt .. '\t' .. updatedAt .. '\t' .. command.details
    record('U\t' .. command.sku .. '\t' .. createdAt .. '\t' .. command.details, command, shown)
  end
  return 'P0\t' .. command.sku .. '\t' .. stockText(stock) .. '\t' .. shown .. '\t' .. createdAt .. '\t' .. updatedAt .. '\t' .. command.details
end

local function adjustStock(command)
  local stock = stocks[command.sku]
  if not stock then
    return 'n' .. command.sku
  end
  local total = stock.total + command.delta
  if total > command.totalMax then
    return 'T' .. whole(total)
  end
  if total < stock.reserved + stock.sold then
    return 'b' .. whole(stock.total) .. '\t' .. whole(stock.reserved) .. '\t' .. whole(stock.sold)
  end
  move(command.sku, command.delta, 0, 0)
  local shown = releases(command.sku)
  record('A\t' .. command.sku .. '\t' .. whole(command.delta) .. '\t' .. command.reason, command, shown)
  return 'S\t' .. command.sku .. '\t' .. stockText(stock) .. '\t' .. shown
end

-- Orders are in the ledger. What the caller read there is right if it was read after everything that has left the journal.
local function cancelOrder(command)
  if command.status == '' then
    return 'q'
  end
  local cancelledAt = command.status ~= 'placed' and command.status or cancelled[command.orderId] or redis.call('HGET', P .. 'o', command.orderId)
  if not cancelledAt then
    if tonumber(journal[2]) > command.position then
      return 'g'
    end
    cancelledAt = nowText
    cancelled[command.orderId] = cancelledAt
    uncount(command.user, command.lines)
    for _, line in ipairs(command.lines) do
      move(line[1], 0, 0, -line[2])
    end
    record('O\t' .. command.orderId .. '\t' .. command.reason, command)
  end
  return 'O\t' .. cancelledAt .. '\t' .. command.order
end

local decide = {
  R = reserve, c = confirm, x = cancel, t = extend, P = createProduct, U = updateProduct, A = adjustStock, O = cancelOrder,
  e = function()
    return 'E' .. #due
  end,
  k = function(command)
    return command.reply
  end,
}
-- Accepted, so that the answer is kept under its key.
local isAnswer = { R = true, F = true, P = true, S = true, O = true, E = true, J = true }

local replies = {}
if not isBehind then
  for index, command in ipairs(commands) do
    local group = groupOf[index]
    if group then
      replies[index] = reservePlain(command, group)
    else
      local key = command.key
      local known = key ~= '' and answers[key]
      if known then
        replies[index] = known == 'open' and 'a' or known.fingerprint == command.fingerprint and '=' .. known.reply or 'k'
      else
        local reply = decide[command.op](command)
        replies[index] = reply
        if key ~= '' and (reply == 'u' or reply == 'y') then
          answers[key] = 'open' -- for the ledger to say whether something is answered under it
        elseif key ~= '' and type(reply) == 'string' and isAnswer[string.sub(reply, 1, 1)] then
          answers[key] = { fingerprint = command.fingerprint, reply = reply }
          newAnswers[key] = command.fingerprint .. '\t' .. nowText .. '\t' .. reply
        end
      end
    end
    if broken then
      break
    end
  end
end
if broken then
  return redis.error_reply('HOLDFAST broken: ' .. broken)
end
