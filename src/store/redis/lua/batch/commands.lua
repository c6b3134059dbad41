-- The commands of the batch, as commands.ts writes them, and the facts that they name.

local skus = {}
for index = 1, tonumber(take()) do
  skus[index] = take()
end
for from = 1, #skus, 1000 do
  local keys = {}
  for index = from, math.min(from + 999, #skus) do
    keys[#keys + 1] = P .. 's:' .. skus[index]
  end
  for index, text in ipairs(redis.call('MGET', unpack(keys))) do
    addStock(skus[from + index - 1], text)
  end
end

-- Reserves of one line, without anything that may be left out, are by far the most frequent commands: neighbours of one sku and quantity are a group, and each stays where it is among
-- the arguments (id, user). Such a command is the number of its place there; any other is a table.
local commands, groups, groupOf, others = {}, {}, {}, {}
local ids, keys, expireLimit, hasReserve = {}, {}, 0, false

local function takeLines(count, takeSku)
  local lines = {}
  for index = 1, count do
    lines[index] = { takeSku(), tonumber(take()) }
  end
  return lines
end

local function takeNumber()
  return tonumber(take())
end

local function takePlace()
  return skus[takeNumber()]
end

local function takeGroup()
  local group = { sku = takePlace(), quantity = takeNumber(), first = #commands + 1 }
  local count = takeNumber()
  for index = #commands + 1, #commands + count do
    commands[index], groupOf[index] = at + 1, group
    if isRepeat then
      ids[#ids + 1] = ARGV[at + 1]
    end
    at = at + 2
  end
  group.last = #commands
  groups[#groups + 1] = group
  hasReserve = true
end

local takeCommand = {
  R = function(command)
    command.id, command.user, command.ttl, command.metadata = take(), take(), takeNumber(), take()
    command.lines = takeLines(takeNumber(), takePlace)
    command.slots = takeLines(takeNumber(), take)
    hasReserve = true
    if isRepeat then
      ids[#ids + 1] = command.id
    end
  end,
  c = function(command)
    command.id, command.user, command.orderId, command.metadata = take(), take(), take(), take()
    ids[#ids + 1] = command.id
  end,
  x = function(command)
    command.id, command.user = take(), take()
    ids[#ids + 1] = command.id
  end,
  t = function(command)
    command.id, command.user, command.ttl = take(), take(), takeNumber()
    hasReserve = true -- it makes the journal longer, and may be repeated without end
    ids[#ids + 1] = command.id
  end,
  k = function(command)
    command.reply = take()
  end,
  e = function(command)
    command.limit = takeNumber()
    expireLimit = expireLimit + command.limit
  end,
  P = function(command)
    command.sku, command.total, command.product, command.details, command.problem = take(), takeNumber(), take(), take(), take() == '1'
  end,
  U = function(command)
    command.sku, command.product, command.details, command.expected = take(), take(), take(), take()
    command.problem, command.version, command.usage = take() == '1', take(), take()
  end,
  A = function(command)
    command.sku, command.delta, command.reason, command.totalMax = take(), takeNumber(), take(), takeNumber()
  end,
  O = function(command)
    command.orderId, command.user, command.status, command.order, command.reason, command.position = take(), take(), take(), take(), take(), takeNumber()
    command.lines = takeLines(takeNumber(), take)
  end,
}

local count = takeNumber()
while #commands < count do
  local op = take()
  if op == 'r' then
    takeGroup()
  else
    local command = { op = op }
    takeCommand[op](command)
    command.key, command.fingerprint = take(), take()
    if command.key ~= '' then
      keys[#keys + 1] = command.key
    end
    commands[#commands + 1] = command
    others[#others + 1] = command
  end
end

if hasReserve and tonumber(journal[3]) >= pendingMax then
  return redis.error_reply('HOLDFAST full')
end

loadRows(ids)
for from = 1, #keys, 1000 do
  local names = {}
  for index = from, math.min(from + 999, #keys) do
    names[#names + 1] = P .. 'a:' .. keys[index]
  end
  for index, text in ipairs(redis.call('MGET', unpack(names))) do
    if text then
      local fingerprint, createdAt, reply = string.match(text, '^([^\t]*)\t(%d+)\t(.*)$')
      if tonumber(createdAt) > now - 86400000 then
        answers[keys[from + index - 1]] = { fingerprint = fingerprint, reply = reply }
      end
    end
  end
end

