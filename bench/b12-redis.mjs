import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { verifyBooks } from './lib/books.mjs'
import { load, loadHoldfast, settledOutcomes, startHoldfast } from './lib/http.mjs'
import { options } from './lib/options.mjs'
import { withRedis } from './lib/places.mjs'
import { cpuOfTree, startService } from './lib/processes.mjs'
import { compare, median } from './lib/report.mjs'
import { alternate } from './lib/rounds.mjs'
import { makeStore, totalStock } from './lib/shop.mjs'
import { connections } from './lib/wrk.mjs'

const sku = 'hot'
const timesGoal = 1.3
const prefix = 'baseline:'

/** @typedef {import('./lib/http.mjs').Sample & { redisCpu: number }} Sample */

/** @type {import('./lib/report.mjs').Bench} */
export const b12Redis = {
  name: 'B12-redis',
  title: 'Strong baseline: Fastify, ioredis with auto-pipelining, one script for each reservation',
  byDefault: false,
  run: (context) =>
    withRedis(context, async (place) => {
      const { rounds, quick, say } = context
      const { server } = place
      const seconds = quick ? 1 : 6
      const site = place.at('service')
      await makeStore(site, [sku])
      await server.client.hset(`${prefix}stock:${sku}`, 'free', totalStock)
      /** @type {import('./lib/processes.mjs').Service[]} */
      const running = []
      try {
        const holdfast = await startHoldfast(site)
        running.push(holdfast)
        const script = fileURLToPath(new URL('./lib/baseline-redis.mjs', import.meta.url))
        const baseline = await startService(script, [`redis://127.0.0.1:${server.port}`, prefix, '--dist', options.dist])
        running.push(baseline)
        await checkBaseline(baseline, server)

        /** @type {(work: () => Promise<import('./lib/http.mjs').Sample>) => () => Promise<Sample>} */
        const withRedisCpu = (work) => async () => {
          const before = cpuOfTree(server.pid)
          const sample = await work()
          return { ...sample, redisCpu: (cpuOfTree(server.pid) - before) / sample.requests }
        }
        const contenders = {
          holdfast: withRedisCpu(() => loadHoldfast(holdfast, { seconds, isSoldOut: false })),
          baseline: withRedisCpu(() => loadBaseline(baseline, server, seconds)),
        }
        await alternate(contenders, { rounds: 1, say: (text) => say(`warm-up: ${text}`) })
        const seen = await alternate(contenders, { rounds, say })
        const told = await settledOutcomes(holdfast)
        await holdfast.stop()
        await verifyBooks(site, { active: told.get('accepted') ?? 0 })
        const cpu = Object.values(seen).map((samples) => `${(median(samples.map(({ cpuShare }) => cpuShare)) * 100).toFixed(0)} %`)
        return {
          settings: { connections, secondsPerRound: seconds, cpuOfTheLoadGenerator: cpu.join(' / '), ...place.settings },
          lines: linesOf(seen, place.durability),
        }
      } finally {
        await Promise.all(running.map((service) => service.stop()))
      }
    }),
}

/**
 * @param {{ holdfast: readonly Sample[], baseline: readonly Sample[] }} seen
 * @param {string} durability
 */
function linesOf(seen, durability) {
  const what = 'one hot sku, 1 line, 201'
  const shared = { against: 'the baseline', durability: `${durability}; the baseline in memory` }
  /** @type {(pick: (sample: Sample) => number) => { figures: number[], peers: number[] }} */
  const both = (pick) => ({ figures: seen.holdfast.map(pick), peers: seen.baseline.map(pick) })
  return [
    compare({ ...shared, what, unit: 'requests/s', ...both(({ perSecond }) => perSecond), goal: timesGoal, shownAs: '×' }),
    compare({
      ...shared,
      what: 'p99 latency, closed loop',
      unit: 'ms',
      ...both(({ p99 }) => p99),
      goal: 1,
      sense: 'at most',
      shownAs: '×',
    }),
    compare({ ...shared, what: 'median latency, closed loop', unit: 'ms', ...both(({ p50 }) => p50), shownAs: '×' }),
    compare({
      ...shared,
      what: `${what}, until the ledger has everything`,
      unit: 'requests/s',
      ...both(({ settledPerSecond }) => settledPerSecond),
      shownAs: '×',
    }),
    compare({
      ...shared,
      what: 'CPU time of the server process',
      unit: 'µs/request',
      ...both(({ cpuPerRequest }) => cpuPerRequest),
      shownAs: '×',
    }),
    compare({
      ...shared,
      what: 'CPU time of Redis, until the ledger has everything',
      unit: 'µs/request',
      ...both(({ redisCpu }) => redisCpu),
      shownAs: '×',
    }),
  ]
}

/**
 * @param {import('./lib/processes.mjs').Service} baseline
 * @param {import('./lib/redis-server.mjs').RedisServer} server
 * @param {number} seconds
 */
async function loadBaseline(baseline, { client }, seconds) {
  const sample = await load(baseline, seconds)
  if (sample.status !== 0) throw new Error(`${sample.status} answers of the baseline are not 201`)
  // What was in flight when the time was over.
  await delay(500)
  const free = Number(await client.hget(`${prefix}stock:${sku}`, 'free'))
  const made = totalStock - free
  const kept = [await client.hlen(`${prefix}reservations`), await client.zcard(`${prefix}due`), await client.llen(`${prefix}events`)]
  if (kept.some((count) => count !== made)) throw new Error(`the baseline sold ${made} units and keeps ${kept.join(', ')}`)
  return sample
}

/**
 * The baseline does what it says: a limit per user, stock, idempotency, and units that are due are sold again.
 *
 * @param {import('./lib/processes.mjs').Service} baseline
 * @param {import('./lib/redis-server.mjs').RedisServer} server
 */
async function checkBaseline({ address }, { client }) {
  const names = (await client.keys(`${prefix}*`)).filter((name) => name !== `${prefix}stock:${sku}`)
  if (names.length > 0) throw new Error('somebody has used the baseline before')
  await client.hset(`${prefix}stock:check`, 'free', 2, 'limit', 1, 'ttl', 1_000)
  /** @type {(userId: string, key?: string) => Promise<[status: number, body: Record<string, unknown>]>} */
  const ask = async (userId, key) => {
    const headers = { 'content-type': 'application/json', ...(key === undefined ? {} : { 'idempotency-key': key }) }
    const body = JSON.stringify({ userId, items: [{ sku: 'check', quantity: 1 }] })
    const answer = await fetch(`${address}/v1/reservations`, { method: 'POST', headers, body })
    return [answer.status, /** @type {Record<string, unknown>} */ (await answer.json())]
  }
  const [made, again, limited, other, short] = [await ask('a', 'k'), await ask('a', 'k'), await ask('a'), await ask('b'), await ask('c')]
  await delay(1_100)
  const [afterwards, reused] = [await ask('c'), await ask('d', 'k')]
  const seen = [made[0], again[1]['id'] === made[1]['id'], limited[1]['code'], other[0], short[1]['code'], afterwards[0], reused[1]['code']]
  const expected = [201, true, 'user_limit_exceeded', 201, 'insufficient_stock', 201, 'idempotency_key_reused']
  if (seen.join() !== expected.join()) throw new Error(`the baseline answers ${seen.join()} instead of ${expected.join()}`)
  await delay(1_500)
  if ((await client.hlen(`${prefix}reservations`)) > 0) throw new Error('the baseline does not give back what is due')
  const left = (await client.keys(`${prefix}*`)).filter((name) => name !== `${prefix}stock:${sku}`)
  await client.del(left)
}
