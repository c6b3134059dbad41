import { setTimeout as delay } from 'node:timers/promises'
import { verifyBooks } from './lib/books.mjs'
import { onEachLedger, sqlitePlace, withPostgres } from './lib/places.mjs'
import { compare, median, state } from './lib/report.mjs'
import { alternate } from './lib/rounds.mjs'
import { drive, makeStore, userOf, withShop } from './lib/shop.mjs'

/** All units of the first are due at once; of the second nothing is. */
const skus = /** @type {const} */ (['due', 'other'])
const inFlight = 4_000
/** Calls of each sku in a second, at their time whether or not the ones before have been answered. */
const pace = 1_000
const tickMs = 5
/** Longer than any run. */
const longTtlSeconds = 3_600
const pollMs = 20
const drainedSecondsMax = 15
const timesMax = 2
const longestCallMsMax = 50

const title = 'Expiry: many reservations due within one second, while traffic goes on'

/** @type {import('./lib/report.mjs').Bench} */
export const b8 = { name: 'B8', title, byDefault: false, run: (context) => rush(context, sqlitePlace(context)) }

/** @type {import('./lib/report.mjs').Bench} */
export const b8Postgres = {
  name: 'B8-postgres',
  title,
  byDefault: false,
  run: (context) => withPostgres(context, (place) => rush(context, place)),
}

/** @type {import('./lib/report.mjs').Bench} */
export const b8Redis = {
  name: 'B8-redis',
  title,
  byDefault: false,
  run: (context) => onEachLedger(context, (place, each) => rush(each, place, place.server.watchCalls)),
}

/** @typedef {Record<(typeof skus)[number], number[]>} Latencies milliseconds from when a call was to be made until its answer */

/**
 * @typedef {object} Sample
 * @property {number} drainedSeconds from the first due time until nothing was due any more
 * @property {Latencies} before
 * @property {Latencies} during
 * @property {number} dueWithinSeconds
 * @property {number} longestCallMs NaN where calls are not watched
 */

/**
 * @param {import('./lib/report.mjs').Context} context
 * @param {import('./lib/places.mjs').Place} place
 * @param {() => Promise<() => Promise<number>>} [watchCalls]
 * @returns {Promise<import('./lib/report.mjs').Measured>}
 */
async function rush({ rounds, quick, say }, place, watchCalls = async () => async () => NaN) {
  const { durability } = place
  const load = {
    count: quick ? 10_000 : 1_000_000,
    // From the first reservation until all are due: time to fill, to bring it to the ledger, and to see the calls before.
    leadSeconds: quick ? 15 : 150,
    beforeSeconds: quick ? 1 : 10,
  }
  const { expiry } = await alternate({ expiry: () => expire(place.at('expiry'), load, watchCalls) }, { rounds, say })

  const what = `${load.count.toLocaleString('en')} due within one second`
  /** @type {(sku: keyof Latencies, share: number, goal?: number | null) => import('./lib/report.mjs').Line} */
  const line = (sku, share, goal = null) =>
    compare({
      what: `p${share * 100} of reserving ${sku === 'due' ? 'the very sku' : 'another sku'}, ${what}`,
      unit: 'ms',
      figures: expiry.map(({ during }) => quantile(during[sku], share)),
      against: 'before any is due',
      peers: expiry.map(({ before }) => quantile(before[sku], share)),
      goal,
      sense: 'at most',
      shownAs: '×',
      durability,
    })
  const [seconds, calls] = [{ unit: 's', durability }, expiry.map(({ longestCallMs }) => longestCallMs)]
  return {
    settings: {
      dueWithinSeconds: Number(median(expiry.map(({ dueWithinSeconds }) => dueWithinSeconds)).toFixed(2)),
      callsOfEachSkuPerSecond: pace,
      refused: 0,
      ...place.settings,
    },
    lines: [
      state({
        ...seconds,
        what: `given back, ${what}`,
        figures: expiry.map(({ drainedSeconds }) => drainedSeconds),
        atMost: drainedSecondsMax,
      }),
      line('other', 0.99, timesMax),
      line('due', 0.99, timesMax),
      line('other', 0.5),
      line('due', 0.5),
      ...(calls.some(Number.isNaN)
        ? []
        : [state({ what: `longest script call, ${what}`, unit: 'ms', figures: calls, atMost: longestCallMsMax, durability })]),
    ],
  }
}

/**
 * @param {import('./lib/places.mjs').Site} site
 * @param {{ count: number, leadSeconds: number, beforeSeconds: number }} load
 * @param {() => Promise<() => Promise<number>>} watchCalls
 * @returns {Promise<Sample & { perSecond: number }>}
 */
async function expire(site, { count, leadSeconds, beforeSeconds }, watchCalls) {
  // What is free is reserved before the rush, so that whoever asks then is served from what is due.
  const [callsToWarmUp, callsBefore] = [pace, pace * beforeSeconds]
  await makeStore(site, skus, { totalStock: count + callsToWarmUp + callsBefore })
  const startedAt = performance.now()
  const { firstDueAt, lastDueAt } = await fill(site, { count, dueAt: Date.now() + leadSeconds * 1_000 })
  const filledSeconds = (performance.now() - startedAt) / 1_000
  const told = { active: 0, expired: count }

  /** @type {Sample} */
  const sample = await withShop(site, {}, async (shop) => {
    const call = async (/** @type {Parameters<typeof callAtPace>[1]} */ options) => {
      const { latencies, accepted } = await callAtPace(shop, options)
      told.active += accepted
      return latencies
    }
    await call({ callsMax: callsToWarmUp })
    const readLongestCall = await watchCalls()
    const before = await call({ callsMax: callsBefore })
    if (Date.now() >= firstDueAt) throw new Error(`it took too long to make the reservations: ${filledSeconds.toFixed(0)} s`)
    await delay(firstDueAt - Date.now() + 1)
    let isDrained = false
    const watch = async () => {
      try {
        while (Date.now() <= lastDueAt || (await isDue(shop))) await delay(pollMs)
        return (Date.now() - firstDueAt) / 1_000
      } finally {
        isDrained = true
      }
    }
    const [drainedSeconds, during] = await Promise.all([watch(), call({ isOver: () => isDrained })])
    const dueWithinSeconds = (lastDueAt - firstDueAt) / 1_000
    return { drainedSeconds, before, during, dueWithinSeconds, longestCallMs: await readLongestCall() }
  })
  await verifyBooks(site, told)
  await site.remove()
  return { ...sample, perSecond: count / sample.drainedSeconds }
}

/**
 * Each with the time to live, in whole seconds, that makes it due within the second after `dueAt`.
 *
 * @param {import('./lib/places.mjs').Site} site
 * @param {{ count: number, dueAt: number }} options
 */
function fill(site, { count, dueAt }) {
  return withShop(site, {}, async (shop) => {
    let [firstDueAt, lastDueAt] = [Infinity, 0]
    await drive(count, inFlight, async (index) => {
      const ttlSeconds = Math.ceil((dueAt - Date.now()) / 1_000)
      const outcome = await shop.reserve({ userId: userOf(index), items: [{ sku: 'due', quantity: 1 }], ttlSeconds })
      if (!outcome.ok) throw new Error(`a reservation was refused: ${outcome.refusal.code}`)
      firstDueAt = Math.min(firstDueAt, outcome.value.expiresAt)
      lastDueAt = Math.max(lastDueAt, outcome.value.expiresAt)
    })
    return { firstDueAt, lastDueAt }
  })
}

/**
 * Reserve a unit of each sku at a steady pace. Nobody may be refused: units are free or due.
 *
 * @param {import('../src/index.ts').Holdfast} shop
 * @param {{ callsMax?: number, isOver?: () => boolean }} options `callsMax`: of each sku
 */
async function callAtPace(shop, { callsMax = Infinity, isOver = () => false }) {
  /** @type {Latencies} */
  const latencies = { due: [], other: [] }
  /** @type {unknown[]} */
  const failures = []
  /** @type {Promise<unknown>[]} */
  const calls = []
  const call = async (/** @type {keyof Latencies} */ sku, /** @type {number} */ intendedAt) => {
    const outcome = await shop.reserve({ userId: userOf(calls.length), items: [{ sku, quantity: 1 }], ttlSeconds: longTtlSeconds })
    if (!outcome.ok) throw new Error(`a reservation of the sku "${sku}" was refused: ${outcome.refusal.code}`)
    latencies[sku].push(performance.now() - intendedAt)
  }
  const startedAt = performance.now()
  for (let made = 0; made < callsMax && failures.length === 0 && !isOver();) {
    // Where this process was busy meanwhile, calls are late; they count from when they were to be made.
    const due = Math.min(callsMax, ((performance.now() - startedAt) / 1_000) * pace)
    for (; made < due; made++) {
      const intendedAt = startedAt + (made / pace) * 1_000
      for (const sku of skus) calls.push(call(sku, intendedAt).catch((error) => failures.push(error)))
    }
    await delay(tickMs)
  }
  await Promise.all(calls)
  if (failures.length > 0) throw failures[0]
  return { latencies, accepted: calls.length }
}

/** @param {import('../src/index.ts').Holdfast} shop */
async function isDue(shop) {
  return (await shop.nextDueInMs()) === 0
}

/**
 * @param {readonly number[]} values
 * @param {number} share
 */
function quantile(values, share) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? NaN
}
