-- Decide a batch of commands, as domain/decide.ts does, and write what was decided. First everything is read and decided, then everything is written, because a script that
-- fails is not rolled back. ARGV after the generation: the caller, its attempt, whether an earlier attempt may have been executed ('1'), how many transitions may wait for
-- the ledger, where the journal ended when the caller saw it last, where it may begin at most or ''; the number of skus and the skus; then the commands, each with its own arguments. See commands.ts, which writes them, and answers.ts, which reads the replies.
local caller, attempt, isRepeat, pendingMax = ARGV[2], tonumber(ARGV[3]), ARGV[4] == '1', tonumber(ARGV[5])
local headSeen, baseSeen = tonumber(ARGV[6]), tonumber(ARGV[7])
local at = 7

local function take()
  at = at + 1
  return ARGV[at]
end

-- A request that comes late, after a later one of the same caller, must not be executed: its caller has given it up and asked again.
local last = redis.call('GET', P .. 'f:' .. caller)
if last and tonumber(last) >= attempt then
  return redis.error_reply('HOLDFAST late')
end

local journal = redis.call('HMGET', P .. 'h', 'head', 'base', 'pending', 'slots')
if not journal[1] or not journal[2] or not journal[3] then
  return redis.error_reply('HOLDFAST broken: the head of the journal is missing')
end
if tonumber(journal[1]) < headSeen then
  return redis.error_reply('HOLDFAST broken: the journal is shorter than it was')
end
-- What the caller looked up in the ledger, because an earlier attempt may have made it, is true as long as nothing has left the journal since.
if baseSeen and tonumber(journal[2]) > baseSeen then
  return redis.error_reply('HOLDFAST moved')
end

local stocks, rows, answers, broken = {}, {}, {}, nil

-- A missing fact is never zero and never infinite: a sku whose product is there and whose books are not is broken.
local function addStock(sku, text)
  if text then
    local stock = string.match(text, '^%d+ %d+ %d+ %d+ %S+ %S+ %S+ %S+ %S+$') and readStock(sku, text)
    if stock then
      stocks[sku] = stock
    else
      broken = 'the books of ' .. sku .. ' are damaged'
    end
  elseif redis.call('EXISTS', P .. 'p:' .. sku) == 1 or redis.call('ZSCORE', P .. 'skus', sku) then
    broken = 'the books of ' .. sku .. ' are missing'
  end
end

local function stockOf(sku)
  if not stocks[sku] then
    addStock(sku, redis.call('GET', P .. 's:' .. sku))
    if not stocks[sku] and not broken then
      broken = 'the books of ' .. sku .. ' are missing'
    end
  end
  return stocks[sku]
end

-- "status expiresAt createdAt user items metadata", of an active one its slots, and of an end "endedAt orderId orderMetadata", with tabs between; items: "sku:quantity:price,...".
local function readRow(id, text)
  local part = split(text, '\t')
  local lines = {}
  for sku, quantity in string.gmatch(part[5], '([^:,]+):(%d+):[^,]*') do
    lines[#lines + 1] = { sku, tonumber(quantity) }
  end
  local slots = part[1] == 'a' and part[7] and { unpack(part, 7) } or nil
  return { id = id, slots = slots, status = part[1], expiresAt = tonumber(part[2]), createdAt = part[3], user = part[4], items = part[5], metadata = part[6], orderId = part[8], lines = lines, text = text }
end

local function loadRows(ids)
  for from = 1, #ids, 1000 do
    local to = math.min(from + 999, #ids)
    local texts = redis.call('HMGET', P .. 'r', unpack(ids, from, to))
    for index, text in ipairs(texts) do
      local id = ids[from + index - 1]
      if text and not rows[id] then
        rows[id] = readRow(id, text)
      end
    end
  end
end

