import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import { verifyBooks } from './books.mjs'
import { options } from './options.mjs'
import { cpuMicroseconds, startService } from './processes.mjs'
import { compare, median } from './report.mjs'
import { alternate } from './rounds.mjs'
import { makeStore, totalStock, withShop } from './shop.mjs'
import { connections, runWrk } from './wrk.mjs'

const sku = 'hot'
const settleMs = 200

/**
 * The service against bare Fastify routes, each in its own process, under the same load. All stay up for all rounds, so that each is warm and the store grows
 * as it would.
 *
 * @param {import('./report.mjs').Context} context
 * @param {import('./places.mjs').Place} place
 * @param {{ isSoldOut: boolean, goal: number }} options
 * @returns {Promise<import('./report.mjs').Measured>}
 */
export async function compareWithBareRoute({ rounds, quick, say }, place, { isSoldOut, goal }) {
  const seconds = quick ? 1 : 6
  const site = place.at('service')
  await makeStore(site, [sku], { totalStock: isSoldOut ? 1 : totalStock })
  if (isSoldOut) await sellTheLastUnit(site)
  /** @type {import('./processes.mjs').Service[]} */
  const running = []
  try {
    const holdfast = await startHoldfast(site)
    running.push(holdfast)
    const script = fileURLToPath(new URL('./bare-fastify.mjs', import.meta.url))
    const bare = await startService(script, ['at-once', '--dist', options.dist])
    running.push(bare)
    const bareNextTurn = await startService(script, ['next-turn', '--dist', options.dist])
    running.push(bareNextTurn)
    const contenders = {
      holdfast: () => loadHoldfast(holdfast, { seconds, isSoldOut }),
      bare: () => loadBare(bare, seconds),
      bareNextTurn: () => loadBare(bareNextTurn, seconds),
    }
    await alternate(contenders, { rounds: 1, say: (text) => say(`warm-up: ${text}`) })
    const seen = await alternate(contenders, { rounds, say })
    const told = await settledOutcomes(holdfast)
    await holdfast.stop()
    await verifyBooks(site, isSoldOut ? { confirmed: 1 } : { active: told.get('accepted') ?? 0 })

    const what = isSoldOut ? 'a sold-out sku, 409' : 'one hot sku, 1 line, 201'
    const isLate = !isSoldOut && site.ledger !== undefined
    /** @type {import('./report.mjs').Line['outcome']} */
    const outcome = isSoldOut ? 'refused' : 'accepted'
    const peers = /** @type {const} */ ([
      ['a bare Fastify route', seen.bare],
      ['the same, answering in the next turn', seen.bareNextTurn],
    ])
    const lines = peers.flatMap(([against, samples]) => {
      /** @type {(pick: (sample: Sample) => number) => { figures: number[], peers: number[] }} */
      const both = (pick) => ({ figures: seen.holdfast.map(pick), peers: samples.map(pick) })
      const shared = { outcome, against, durability: `${place.durability}; the route keeps nothing` }
      return [
        compare({ ...shared, what, unit: 'requests/s', ...both(({ perSecond }) => perSecond), goal }),
        ...(isLate
          ? [
              compare({
                ...shared,
                what: `${what}, until the ledger has everything`,
                unit: 'requests/s',
                ...both(({ settledPerSecond }) => settledPerSecond),
              }),
            ]
          : []),
        compare({ ...shared, what: 'CPU time of the server process', unit: 'µs/request', ...both(({ cpuPerRequest }) => cpuPerRequest) }),
        compare({ ...shared, what: 'median latency, closed loop', unit: 'ms', ...both(({ p50 }) => p50) }),
        compare({ ...shared, what: 'p99 latency, closed loop', unit: 'ms', ...both(({ p99 }) => p99) }),
      ]
    })
    const loadCpu = Object.values(seen).map((samples) => `${(median(samples.map(({ cpuShare }) => cpuShare)) * 100).toFixed(0)} %`)
    return {
      settings: {
        connections,
        secondsPerRound: seconds,
        cpuOfTheLoadGenerator: loadCpu.join(' / '),
        ...place.settings,
      },
      lines,
    }
  } finally {
    await Promise.all(running.map((service) => service.stop()))
  }
}

/**
 * @typedef {import('./wrk.mjs').WrkResult & { perSecond: number, settledPerSecond: number, cpuPerRequest: number }} Sample `settledPerSecond`: until nothing was left to
 *   do of what had been answered
 */

/**
 * @param {import('./places.mjs').Site} site
 * @param {readonly string[]} [more] flags
 * @param {{ secret?: string, scope?: string, environment?: Readonly<Record<string, string>> }} [options] of the one key, if there is any
 */
export function startHoldfast({ url, ledger }, more = [], { secret, scope = 'service', environment = {} } = {}) {
  const flags = ['serve', '--port', '0', '--store', url, ...(ledger === undefined ? [] : ['--ledger', ledger]), ...more]
  const guarded =
    secret === undefined
      ? { environment }
      : { environment: { ...environment, HOLDFAST_API_KEYS: `shop:${scope}:${secret}` }, headers: { authorization: `Bearer ${secret}` } }
  return startService(join(options.dist, 'cli/main.js'), flags, guarded)
}

/**
 * Load on the service, all of which must be accepted, or all refused. What it still has to do then is done before anybody else is measured.
 *
 * @param {import('./processes.mjs').Service} holdfast
 * @param {{ seconds: number, isSoldOut: boolean }} options
 * @returns {Promise<Sample>}
 */
export async function loadHoldfast(holdfast, { seconds, isSoldOut }) {
  const before = await readOutcomes(holdfast)
  const sample = await load(holdfast, seconds)
  const settlingMs = await settle(holdfast)
  const after = await readOutcomes(holdfast)
  checkOutcomes(sample, before, after, isSoldOut ? 'insufficient_stock' : 'accepted')
  if (sample.status !== (isSoldOut ? sample.requests : 0))
    throw new Error(`${sample.status} of ${sample.requests} answers are not as expected`)
  return { ...sample, settledPerSecond: sample.requests / (sample.seconds + settlingMs / 1_000) }
}

/**
 * Whoever reads events waits until the ledger has them all, and after a while hears that it has not. Resolves with the elapsed milliseconds.
 *
 * @param {import('./processes.mjs').Service} service
 */
async function settle({ address, headers }) {
  const startedAt = performance.now()
  for (;;) {
    const { status } = await fetch(`${address}/v1/events?limit=1`, { headers })
    if (status === 200) return performance.now() - startedAt
    if (status !== 503) throw new Error(`the events were answered with ${status}`)
  }
}

/**
 * @param {import('./processes.mjs').Service} service
 * @param {number} seconds
 * @returns {Promise<Sample>}
 */
export async function load({ address, pid, headers }, seconds) {
  const before = cpuMicroseconds(pid)
  const result = await runWrk(address, { sku, seconds, headers })
  const after = cpuMicroseconds(pid)
  if (result.broken > 0) throw new Error(`${result.broken} connections failed or waited for ever`)
  const used = before === null || after === null ? NaN : after - before
  const perSecond = result.requests / result.seconds
  return { ...result, perSecond, settledPerSecond: perSecond, cpuPerRequest: used / result.requests }
}

/**
 * @param {import('./processes.mjs').Service} service
 * @param {number} seconds
 */
async function loadBare(service, seconds) {
  const sample = await load(service, seconds)
  if (sample.status !== 0) throw new Error(`${sample.status} answers of the bare route are not 201`)
  return sample
}

/** @param {import('./places.mjs').Site} site */
async function sellTheLastUnit(site) {
  const sold = await withShop(site, {}, async (shop) => {
    const reserved = await shop.reserve({ userId: 'first', items: [{ sku, quantity: 1 }] })
    return reserved.ok ? shop.confirm(reserved.value.id) : reserved
  })
  if (!sold.ok) throw new Error('the last unit could not be sold')
}

/**
 * What the service says it decided, by outcome.
 *
 * @param {import('./processes.mjs').Service} service
 */
async function readOutcomes({ address, headers }) {
  const text = await (await fetch(`${address}/metrics`, { headers })).text()
  const lines = text.matchAll(/^holdfast_commands_total\{type="reserve",outcome="(\w+)"\} (\d+)$/gm)
  return new Map(Array.from(lines, ([, outcome = '', count]) => [outcome, Number(count)]))
}

/**
 * The same once nothing is decided any more: requests were in flight when the load ended.
 *
 * @param {import('./processes.mjs').Service} service
 */
export async function settledOutcomes(service) {
  let outcomes = await readOutcomes(service)
  for (;;) {
    await delay(settleMs)
    const later = await readOutcomes(service)
    if (isDeepStrictEqual(later, outcomes)) return later
    outcomes = later
  }
}

/**
 * Every answer must be the one that is measured, and none may come from elsewhere than a decision. Requests in flight when the time was over were decided,
 * and nobody counted their answers.
 *
 * @param {Sample} sample
 * @param {ReadonlyMap<string, number>} before
 * @param {ReadonlyMap<string, number>} after
 * @param {string} expected
 */
function checkOutcomes({ requests }, before, after, expected) {
  for (const [outcome, count] of after) {
    const decided = count - (before.get(outcome) ?? 0)
    if (outcome !== expected && decided > 0) throw new Error(`${decided} were ${outcome}`)
    if (outcome === expected && (decided < requests || decided > requests + connections)) {
      throw new Error(`${requests} answers were counted and ${decided} decided`)
    }
  }
}
