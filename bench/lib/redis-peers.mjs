import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { cpuOfTree } from './processes.mjs'
import { totalStock } from './shop.mjs'

const clients = 50
const pipeline = 64
/** Made in one go by all clients: `redis-benchmark` asks for no fewer than this. */
export const multipleOf = clients * pipeline

/** @typedef {{ perSecond: number, serverCpu: number }} Sample `serverCpu`: µs of Redis for each reservation */

const prefix = 'peer:'

/**
 * The least that reserves: one reservation of one unit of each sku, which can expire. No user limits, no times of sale, no prices, no idempotency, no event, nobody who gives back what
 * is due, and nothing on disk. KEYS: reservations, due set, then the stock of each sku. ARGV: two halves of an id, the user. Returns when it expires, or nil.
 */
const script = `
for line = 3, #KEYS do
  local free = redis.call('GET', KEYS[line])
  if not free or tonumber(free) < 1 then
    return false
  end
end
local time = redis.call('TIME')
local expiresAt = time[1] * 1000 + math.floor(time[2] / 1000) + 600000
for line = 3, #KEYS do
  redis.call('DECRBY', KEYS[line], 1)
end
local id = ARGV[1] .. ARGV[2]
redis.call('HSET', KEYS[1], id, ARGV[3])
redis.call('ZADD', KEYS[2], expiresAt, id)
return expiresAt
`

/**
 * `redis-benchmark` of that script: one call for each reservation, many calls on their way.
 *
 * @param {import('./redis-server.mjs').RedisServer} server
 * @param {{ skus: readonly string[], count: number }} load
 * @returns {Promise<Sample>}
 */
export async function minimalScript({ client, port, pid, benchmark }, { skus, count }) {
  const [reservations, due] = [`${prefix}reservations`, `${prefix}due`]
  const stock = skus.map((sku) => `${prefix}stock:${sku}`)
  const keys = [reservations, due, ...stock]
  await client.del(keys)
  for (const key of stock) await client.set(key, totalStock)
  const sha = String(await client.script('LOAD', script))
  const call = ['EVALSHA', sha, String(keys.length), ...keys, '__rand_int__', '__rand_int__', 'user-__rand_int__']
  const flags = ['-h', '127.0.0.1', '-p', String(port), '-c', String(clients), '-P', String(pipeline), '-n', String(count)]
  const before = cpuOfTree(pid)
  const { stdout } = await promisify(execFile)(benchmark, [...flags, '-r', '2000000000', '--csv', ...call])
  const used = cpuOfTree(pid) - before
  const left = await client.mget(stock)
  const made = await client.hlen(reservations)
  const sums = [await client.zcard(due), ...left.map((units) => totalStock - Number(units))]
  await client.del(keys)
  if (made < count || sums.some((sum) => sum !== made))
    throw new Error(`the script made ${made} reservations of ${count}, and ${sums.join(', ')}`)
  return { perSecond: perSecondOf(stdout), serverCpu: used / made }
}

/**
 * By the names of the columns, since versions differ in those.
 *
 * @param {string} csv a row of titles and a row of values, all in quotes
 */
function perSecondOf(csv) {
  const [titles = [], values = []] = csv
    .trim()
    .split('\n')
    .map((row) => row.slice(1, -1).split('","'))
  const perSecond = Number(values[titles.indexOf('rps')])
  if (!(perSecond > 0)) throw new Error(`redis-benchmark said: ${csv}`)
  return perSecond
}
