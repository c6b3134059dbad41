import { setTimeout as delay } from 'node:timers/promises'
import { createHoldfast, openSite, startRetention } from './lib/holdfast.mjs'
import { sqlitePlace, withPostgres } from './lib/places.mjs'
import { compare, state } from './lib/report.mjs'
import { alternate } from './lib/rounds.mjs'
import { drive, makeStore, userOf, withShop } from './lib/shop.mjs'

const title = 'Retention: removing what is old beside a sale'
const inFlight = 1_000
/** Calls in a second, at their time whether or not the ones before have been answered. */
const pace = 500
const tickMs = 5
const dayMs = 86_400_000
const keep = { eventsMs: 30 * dayMs, reservationsMs: 90 * dayMs, answersMs: dayMs }
/** As the engine does it. */
const limit = 256
/** Of a store that works on the calling thread. */
const stepMsMax = 10
const timesMax = 2

/** @type {import('./lib/report.mjs').Bench} */
export const retention = { name: 'retention', title, byDefault: false, run: (context) => remove(context, sqlitePlace(context), stepMsMax) }

/** @type {import('./lib/report.mjs').Bench} */
export const retentionPostgres = {
  name: 'retention-postgres',
  title,
  byDefault: false,
  run: (context) => withPostgres(context, (place) => remove(context, place)),
}

/**
 * @param {import('./lib/report.mjs').Context} context
 * @param {import('./lib/places.mjs').Place} place
 * @param {number | null} [atMost] milliseconds of a step
 * @returns {Promise<import('./lib/report.mjs').Measured>}
 */
async function remove({ rounds, quick, say }, place, atMost = null) {
  const { durability } = place
  const load = { count: quick ? 10_000 : 100_000, seconds: quick ? 2 : 10 }
  const { samples } = await alternate({ samples: () => measure(place.at('old'), load) }, { rounds, say })
  const what = `${(2 * load.count).toLocaleString('en')} old events, ${load.count.toLocaleString('en')} ended reservations and as many answers`
  /** @type {(share: number, goal?: number | null) => import('./lib/report.mjs').Line} */
  const line = (share, goal = null) =>
    compare({
      what: `p${share * 100} of reserving while old things are removed, ${pace}/s`,
      unit: 'ms',
      figures: samples.map(({ beside }) => quantile(beside, share)),
      against: 'while nothing is',
      peers: samples.map(({ alone }) => quantile(alone, share)),
      goal,
      sense: 'at most',
      shownAs: '×',
      durability,
    })
  return {
    settings: { stepOfThings: limit, ...place.settings },
    lines: [
      line(0.99, timesMax),
      line(0.5),
      state({ what: `a step, median; ${what}`, unit: 'ms', figures: samples.map(({ steps }) => quantile(steps, 0.5)), durability }),
      state({
        what: `a step, p99; ${what}`,
        unit: 'ms',
        figures: samples.map(({ steps }) => quantile(steps, 0.99)),
        atMost,
        durability,
      }),
      state({
        what: 'removed in a second beside the sale',
        unit: 'things',
        figures: samples.map(({ perSecond }) => perSecond),
        durability,
      }),
    ],
  }
}

/**
 * @param {import('./lib/places.mjs').Site} site
 * @param {{ count: number, seconds: number }} load
 */
async function measure(site, { count, seconds }) {
  await makeStore(site, ['old', 'new'])
  await fill(site, count)
  await makeOld(site)
  const store = await openSite(site)
  if (store.retention === undefined) throw new Error('this store keeps everything')
  const { prune } = store.retention
  let removed = 0
  const counted = async (/** @type {Parameters<typeof prune>[0]} */ query) => {
    const pruned = await prune(query)
    removed += pruned.events + pruned.reservations + pruned.answers
    return pruned
  }
  const shop = createHoldfast({ store })
  const work = async () => {
    await sell(shop, 1)
    const alone = await sell(shop, seconds)
    // The engine's own timer, but that it begins at once.
    const time = {
      ticks: () => performance.now(),
      sleep: (/** @type {number} */ ms, /** @type {AbortSignal} */ signal) =>
        delay(ms === 60_000 ? 0 : ms, undefined, { signal }).catch(() => {}),
    }
    const stop = startRetention({ retention: { prune: counted }, keep, isBusy: () => shop.queueLength > 0, time })
    const beside = await sell(shop, seconds)
    await stop()
    const perSecond = removed / seconds
    /** @type {number[]} */
    const steps = []
    for (let more = true; more;) {
      const startedAt = performance.now()
      more = (await counted({ ...keep, limit })).more
      steps.push(performance.now() - startedAt)
    }
    return { alone, beside, steps, perSecond }
  }
  const sample = await work()
  await shop.close()
  // The newest of them, and what has a row with it, may stay; the products have events as well.
  const things = 4 * count
  if (removed < things - 100 || removed > things + 10) throw new Error(`${removed} of ${things} old things were removed`)
  await site.remove()
  return sample
}

/**
 * Reservations that were cancelled, each with a stored answer.
 *
 * @param {import('./lib/places.mjs').Site} site
 * @param {number} count
 */
function fill(site, count) {
  return withShop(site, {}, async (shop) => {
    await drive(count, inFlight, async (index) => {
      const options = { idempotencyKey: `${userOf(index)}-${index}` }
      const reserved = await shop.reserve({ userId: userOf(index), items: [{ sku: 'old', quantity: 1 }] }, options)
      if (!reserved.ok || !(await shop.cancel(reserved.value.id)).ok) throw new Error('a reservation was refused')
    })
  })
}

/** @param {import('./lib/places.mjs').Site} site */
async function makeOld(site) {
  const books = await site.openBooks()
  try {
    await books.read(`update events set time = time - ${100 * dayMs}`)
    await books.read(`update answers set created_at = created_at - ${100 * dayMs}`)
  } finally {
    await books.close()
  }
}

/**
 * One unit each, at a steady pace; milliseconds from when a call was to be made until its answer.
 *
 * @param {import('../src/index.ts').Holdfast} shop
 * @param {number} seconds
 */
async function sell(shop, seconds) {
  /** @type {number[]} */
  const latencies = []
  /** @type {Promise<void>[]} */
  const calls = []
  const call = async (/** @type {number} */ intendedAt) => {
    const outcome = await shop.reserve({ userId: userOf(calls.length), items: [{ sku: 'new', quantity: 1 }], ttlSeconds: 3_600 })
    if (!outcome.ok) throw new Error(`a reservation was refused: ${outcome.refusal.code}`)
    latencies.push(performance.now() - intendedAt)
  }
  const startedAt = performance.now()
  for (let made = 0; made < seconds * pace;) {
    // Where this process was busy meanwhile, calls are late; they count from when they were to be made.
    const due = Math.min(seconds * pace, ((performance.now() - startedAt) / 1_000) * pace)
    for (; made < due; made++) calls.push(call(startedAt + (made / pace) * 1_000))
    await delay(tickMs)
  }
  await Promise.all(calls)
  return latencies
}

/**
 * @param {readonly number[]} values
 * @param {number} share
 */
function quantile(values, share) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? NaN
}
