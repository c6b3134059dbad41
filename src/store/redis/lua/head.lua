-- Every script begins with this. KEYS[1]: the header of the namespace. KEYS[2]: what the names of all keys of this generation begin with. ARGV[1]: the generation that the caller
-- knows. Another generation, or another Redis than the one that was loaded (it restarted, another took its place, or it was emptied): nothing is read and nothing written. ARGV[2]: the
-- node that calls. ARGV[3]: the last of its calls that wrote in this generation, as far as it knows; 0: it knows of none.
local P = KEYS[2]
local head = redis.call('HMGET', KEYS[1], 'generation', 'run', 'clock')
if head[1] ~= ARGV[1] or head[2] ~= string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') then
  return redis.error_reply('HOLDFAST lost')
end
-- Of that node, the last call that was a repeat, and the last that wrote. What a node knows to be written is there, or this Redis went back to what it was before.
local lastRepeat, lastWrite = string.match(redis.call('GET', P .. 'f:' .. ARGV[2]) or '', '^(%d+) (%d+)$')
lastRepeat, lastWrite = tonumber(lastRepeat or 0), tonumber(lastWrite or 0)
if lastWrite < tonumber(ARGV[3]) then
  return redis.error_reply('HOLDFAST broken: what was written is not there any more')
end
local now
if head[3] then
  now = tonumber(head[3]) -- tests move their own clock
else
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Lua would write an instant as 1.7e+12.
local function whole(number)
  return string.format('%.0f', number)
end

local function split(text, separator)
  local parts = {}
  for part in string.gmatch(text .. separator, '([^' .. separator .. ']*)' .. separator) do
    parts[#parts + 1] = part
  end
  return parts
end

-- The books of a sku: "total reserved sold version", then what a decision needs of the product: "limit ttl start stop price"; '-' is null.
local function readStock(sku, text)
  local total, reserved, sold, version, product = string.match(text, '^(%d+) (%d+) (%d+) (%d+) (.+)$')
  local limit, ttl, start, stop, price = string.match(product, '^(%S+) (%S+) (%S+) (%S+) (%S+)$')
  return {
    sku = sku, total = tonumber(total), reserved = tonumber(reserved), reservedBefore = tonumber(reserved), sold = tonumber(sold), takenBefore = reserved + sold, version = tonumber(version), product = product,
    limit = tonumber(limit), ttl = tonumber(ttl), start = tonumber(start), stop = tonumber(stop), price = price,
  }
end

-- Units of a sku that are due at this moment, by the hash of its due times.
local function dueBefore(sku)
  local units = 0
  local dues = redis.call('ZRANGEBYSCORE', P .. 'D:' .. sku, '-inf', now)
  for from = 1, #dues, 500 do
    local counts = redis.call('HMGET', P .. 'U:' .. sku, unpack(dues, from, math.min(from + 499, #dues)))
    for index = 1, math.min(500, #dues - from + 1) do
      if not counts[index] then
        error('HOLDFAST broken: units of ' .. sku .. ' are missing')
      end
      units = units + counts[index]
    end
  end
  return units
end
