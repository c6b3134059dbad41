-- Who occupies the slots that this batch has to do with: each is a field of one hash, "id dueAt id dueAt ...", the oldest first. Those that are due stay until they are given back, and do not
-- count.

local slots = {}

local function slotOf(name)
  local slot = slots[name]
  if not slot then
    local text = redis.call('HGET', P .. 'l', name)
    slot = { ids = {}, dueAt = {}, count = 0, isThere = text and true or false }
    for id, dueAt in string.gmatch(text or '', '(%S+) (%d+)') do
      slot.ids[#slot.ids + 1] = id
      slot.dueAt[id] = tonumber(dueAt)
      if slot.dueAt[id] > now then
        slot.count = slot.count + 1
      end
    end
    slots[name] = slot
  end
  return slot
end

local function occupy(name, id, dueAt)
  local slot = slotOf(name)
  slot.ids[#slot.ids + 1] = id
  slot.dueAt[id], slot.count, slot.isChanged = dueAt, slot.count + 1, true
end

-- A reservation ends (`dueAt` nil), or keeps its slots for longer. It is due in them when it is due itself; else something is missing here, and others could have taken its place.
local function keepSlots(row, dueAt)
  for _, name in ipairs(row.slots or {}) do
    local slot = slotOf(name)
    if slot.dueAt[row.id] ~= row.expiresAt then
      broken = 'a slot of the reservation ' .. row.id .. ' is missing'
    end
    if not dueAt and row.expiresAt > now then
      slot.count = slot.count - 1
    end
    slot.dueAt[row.id], slot.isChanged = dueAt, true
  end
end

local function slotText(slot)
  local parts = {}
  for _, id in ipairs(slot.ids) do
    if slot.dueAt[id] then
      parts[#parts + 1] = id .. ' ' .. whole(slot.dueAt[id])
    end
  end
  return table.concat(parts, ' ')
end

