// The peer of B12, in a process of its own: what an experienced team writes when it needs the same of Redis alone. Fastify, the same schema of the request and the same body of the
// answer; ioredis, which sends the calls of one turn together (auto-pipelining); one script for each reservation. It checks stock and a limit per user, expires by a due set, out of which
// it gives back inside the script when units are short and from a timer otherwise, keeps answers under idempotency keys, and tells events in a list.
// Nothing is on disk: no ledger, no orders, and Redis that restarts has forgotten everything.
import { createHash } from 'node:crypto'
import Fastify from 'fastify'
import { Redis } from 'ioredis'
import { newId, ReserveInput, writeReservation } from './holdfast.mjs'
import { positionals } from './options.mjs'

const [url = '', prefix = ''] = positionals
const sweepMs = 100
const sweepSize = 500

/**
 * Give back what is due, the longest due first, at most so many. Part of both scripts. Only the row says what it held; a row that is gone was given back before.
 * KEYS[1]: reservations by id, KEYS[2]: ids by when they are due, KEYS[3]: events.
 */
const giveBack = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function giveBack(limit)
  local due = redis.call('ZRANGE', KEYS[2], '-inf', now, 'BYSCORE', 'LIMIT', 0, limit)
  for _, id in ipairs(due) do
    local row = redis.call('HGET', KEYS[1], id)
    local user, lines = string.match(row, '^(.-)\\n.-\\n(.-)\\n')
    for stock, usage, quantity in string.gmatch(lines, '(%S+) (%S+) (%d+);') do
      redis.call('HINCRBY', stock, 'free', quantity)
      if usage ~= '-' and redis.call('HINCRBY', usage, user, -quantity) == 0 then
        redis.call('HDEL', usage, user)
      end
    end
    redis.call('HDEL', KEYS[1], id)
    redis.call('ZREM', KEYS[2], id)
    redis.call('RPUSH', KEYS[3], 'E\\n' .. now .. '\\n' .. id)
  end
  return #due
end
`

/**
 * Reserve all lines or none. KEYS after the three: the answer under the idempotency key; then for each line the hash of the sku (free, ttl in ms, limit, price) and the units of each user.
 * ARGV: id, user, ttl in ms or '', metadata, fingerprint of the request or '' without a key; then the quantity of each line.
 * Returns { id, created at, expires at, the price of each line }, or a word and what belongs to it.
 */
const reserve = `${giveBack}
local isKeyed = ARGV[5] ~= ''
if isKeyed then
  local known = redis.call('GET', KEYS[4])
  if known then
    local fingerprint, answer = string.match(known, '^(.-)\\n(.*)$')
    return fingerprint == ARGV[5] and { 'known', answer } or { 'idempotency_key_reused' }
  end
end
local ttl, prices, limits, lines = tonumber(ARGV[3]), {}, {}, ''
local function check()
  for line = 1, #ARGV - 5 do
    local name, quantity = KEYS[3 + 2 * line], tonumber(ARGV[5 + line])
    local stock = redis.call('HMGET', name, 'free', 'ttl', 'limit', 'price')
    if not stock[1] then
      return { 'product_not_found', line }
    end
    if stock[3] then
      limits[line] = true
      local used = tonumber(redis.call('HGET', KEYS[4 + 2 * line], ARGV[2]) or 0)
      if used + quantity > tonumber(stock[3]) then
        return { 'user_limit_exceeded', line, stock[3] - used }
      end
    end
    if tonumber(stock[1]) < quantity then
      return { 'insufficient_stock', line, tonumber(stock[1]) }
    end
    if stock[2] and ARGV[3] == '' and (not ttl or tonumber(stock[2]) < ttl) then
      ttl = tonumber(stock[2])
    end
    prices[line] = stock[4] or ''
  end
end
local refused = check()
while refused and refused[1] ~= 'product_not_found' and giveBack(100) > 0 do
  refused = check()
end
if refused then
  return refused
end
for line = 1, #ARGV - 5 do
  local name, usage, quantity = KEYS[3 + 2 * line], KEYS[4 + 2 * line], ARGV[5 + line]
  redis.call('HINCRBY', name, 'free', -quantity)
  if limits[line] then
    redis.call('HINCRBY', usage, ARGV[2], quantity)
  end
  lines = lines .. name .. ' ' .. (limits[line] and usage or '-') .. ' ' .. quantity .. ';'
end
local expiresAt = now + (ttl or 600000)
local row = ARGV[2] .. '\\n' .. now .. ' ' .. expiresAt .. '\\n' .. lines .. '\\n' .. ARGV[4]
redis.call('HSET', KEYS[1], ARGV[1], row)
redis.call('ZADD', KEYS[2], expiresAt, ARGV[1])
redis.call('RPUSH', KEYS[3], 'C\\n' .. ARGV[1] .. '\\n' .. row)
if isKeyed then
  redis.call('SET', KEYS[4], ARGV[5] .. '\\n' .. cjson.encode({ ARGV[1], now, expiresAt, prices }), 'EX', 86400)
end
return { 'made', now, expiresAt, unpack(prices) }
`

const sweep = `${giveBack}
return giveBack(tonumber(ARGV[1]))
`

/**
 * @typedef {object} Scripts
 * @property {(keys: number, ...values: (string | number)[]) => Promise<(string | number)[]>} reserve
 * @property {(reservations: string, due: string, events: string, limit: number) => Promise<number>} sweep
 */

const redis = new Redis(url, {
  enableAutoPipelining: true,
  scripts: { reserve: { lua: reserve }, sweep: { lua: sweep, numberOfKeys: 3 } },
})
const scripts = /** @type {Scripts} */ (/** @type {unknown} */ (redis))
const shared = [`${prefix}reservations`, `${prefix}due`, `${prefix}events`]

/** @typedef {{ userId: string, items: { sku: string, quantity: number }[], ttlSeconds?: number, metadata?: Record<string, string> }} Input */

/** @param {Input['items']} items */
function merge(items) {
  if (items.length === 1) return items
  /** @type {Map<string, number>} */
  const units = new Map()
  for (const { sku, quantity } of items) units.set(sku, (units.get(sku) ?? 0) + quantity)
  return Array.from(units, ([sku, quantity]) => ({ sku, quantity }))
}

/**
 * @param {string} id
 * @param {Input} input
 * @param {{ createdAt: number, expiresAt: number, prices: readonly string[] }} made
 */
function view(id, { userId, items, metadata = {} }, { createdAt, expiresAt, prices }) {
  return writeReservation({
    id,
    userId,
    status: 'active',
    items: merge(items).map(({ sku, quantity }, line) => {
      const price = prices[line] ?? ''
      return { sku, quantity, unitPrice: price === '' ? null : { amount: Number(price.slice(0, -3)), currency: price.slice(-3) } }
    }),
    metadata,
    createdAt,
    expiresAt,
    expiresInMs: expiresAt - createdAt,
    endedAt: null,
    orderId: null,
  })
}

const app = Fastify()
app.post('/v1/reservations', { schema: { body: ReserveInput } }, async (request, reply) => {
  const input = /** @type {Input} */ (request.body)
  const key = request.headers['idempotency-key']
  const items = merge(input.items)
  const keys = [...shared, key === undefined ? (shared[0] ?? '') : `${prefix}answer:${String(key)}`]
  for (const { sku } of items) keys.push(`${prefix}stock:${sku}`, `${prefix}users:${sku}`)
  const fingerprint = key === undefined ? '' : createHash('sha256').update(JSON.stringify(input)).digest('base64')
  const id = newId()
  const [word, ...rest] = await scripts.reserve(
    keys.length,
    ...keys,
    id,
    input.userId,
    input.ttlSeconds === undefined ? '' : input.ttlSeconds * 1_000,
    input.metadata === undefined ? '' : JSON.stringify(input.metadata),
    fingerprint,
    ...items.map(({ quantity }) => quantity),
  )
  reply.header('content-type', 'application/json; charset=utf-8')
  if (word === 'made') {
    const [createdAt, expiresAt, ...prices] = /** @type {[number, number, ...string[]]} */ (rest)
    reply.code(201).header('location', `/v1/reservations/${id}`)
    return view(id, input, { createdAt, expiresAt, prices })
  }
  if (word === 'known') {
    const [first, createdAt, expiresAt, prices] = /** @type {[string, number, number, string[]]} */ (JSON.parse(String(rest[0])))
    reply.code(201).header('location', `/v1/reservations/${first}`).header('idempotent-replayed', 'true')
    return view(first, input, { createdAt, expiresAt, prices })
  }
  reply.code(word === 'product_not_found' ? 404 : word === 'idempotency_key_reused' ? 422 : 409)
  return JSON.stringify({ code: word, sku: items[Number(rest[0]) - 1]?.sku, remaining: rest[1] })
})

const [reservations = '', due = '', events = ''] = shared
let isSweeping = false
setInterval(() => {
  if (isSweeping) return
  isSweeping = true
  void scripts.sweep(reservations, due, events, sweepSize).finally(() => (isSweeping = false))
}, sweepMs)
console.log(`answers at ${await app.listen({ host: '127.0.0.1', port: 0 })}`)
process.once('SIGTERM', () => process.exit(0))
