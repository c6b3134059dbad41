import { setTimeout as delay } from 'node:timers/promises'
import { verifyBooks } from './lib/books.mjs'
import { onEachLedger, sqlitePlace, withPostgres } from './lib/places.mjs'
import { compare } from './lib/report.mjs'
import { alternate } from './lib/rounds.mjs'
import { makeStore, measureReserving, withShop, userOf } from './lib/shop.mjs'

const inFlight = 1_000
const sku = 'hot'
/** The shortest there is, so that expiry keeps pace within a run; in real time, by the timer of the engine. */
const shortTtlSeconds = 1
/** Longer than any run. */
const longTtlSeconds = 3_600

/** How ten reservations end. Those that expire are never touched again. */
const ends = /** @type {const} */ ([...Array(7).fill('confirmed'), ...Array(2).fill('cancelled'), 'expired'])

const title = 'Life cycle: 70 % confirmed, 20 % cancelled, 10 % expired'

/** @type {import('./lib/report.mjs').Bench} */
export const b7 = { name: 'B7', title, byDefault: true, run: (context) => lives(context, sqlitePlace(context)) }

/** @type {import('./lib/report.mjs').Bench} */
export const b7Postgres = {
  name: 'B7-postgres',
  title,
  byDefault: false,
  run: (context) => withPostgres(context, (place) => lives(context, place)),
}

/** @type {import('./lib/report.mjs').Bench} */
export const b7Redis = {
  name: 'B7-redis',
  title,
  byDefault: false,
  run: (context) => onEachLedger(context, (place, each) => lives(each, place, 300_000)),
}

/**
 * @param {import('./lib/report.mjs').Context} context
 * @param {import('./lib/places.mjs').Place} place
 * @param {number} [reservations] in each round of only reserving
 * @returns {Promise<import('./lib/report.mjs').Measured>}
 */
async function lives({ rounds, quick, say }, place, reservations = 100_000) {
  const { at, durability } = place
  const count = quick ? 3_000 : reservations
  // So many other reservations are made before one is ended: the rows of an end are not those of the batch before.
  const openMax = quick ? 500 : 10_000
  const measuredMs = quick ? 1_000 : 6_000

  const reserving = () =>
    measureReserving(at('reserving'), {
      skus: [sku],
      count,
      inFlight,
      cart: (index) => ({ userId: userOf(index), items: [{ sku, quantity: 1 }] }),
    })

  const living = async () => {
    const site = at('living')
    await makeStore(site, [sku])
    const told = { active: 0, confirmed: 0, cancelled: 0, expired: 0 }
    /** @type {(batch: import('../src/index.ts').BatchReport) => void} */
    const onBatch = ({ commands, outcomes }) => {
      for (const [index, { type }] of commands.entries()) {
        const outcome = outcomes[index]
        if (type === 'expire' && outcome?.ok === true && 'expired' in outcome.value) told.expired += outcome.value.expired
      }
    }
    const perSecond = await withShop(site, { onBatch }, (shop) => live(shop, { told, openMax, measuredMs }))
    await verifyBooks(site, told)
    await site.remove()
    return perSecond
  }

  const contenders = { 'reserving only': reserving, 'whole life': living }
  if (!quick) await alternate({ 'warm-up': reserving, 'warm-up of ends': living }, { rounds: 1, say })
  const seen = await alternate(contenders, { rounds, say })
  return {
    settings: { inFlight, reservationsPerRound: count, openWhenEnded: openMax, secondsPerRound: measuredMs / 1_000, ...place.settings },
    lines: [
      compare({
        what: '1 line, from reserve to its end',
        outcome: 'completed',
        figures: seen['whole life'],
        against: 'reserving only (B1, 1 line)',
        peers: seen['reserving only'],
        goal: 0.4,
        durability,
      }),
    ],
  }
}

/**
 * Many callers, each of whom reserves, then ends the oldest reservation that waits for its end. Resolves with reservations completed per second.
 *
 * @param {import('../src/index.ts').Holdfast} shop
 * @param {{ told: Record<'confirmed' | 'cancelled' | 'expired', number>, openMax: number, measuredMs: number }} options `told.expired` is counted elsewhere
 */
async function live(shop, { told, openMax, measuredMs }) {
  /** @type {{ id: string, end: 'confirmed' | 'cancelled' }[]} */
  const open = []
  let [made, ended, expiring] = [0, 0, 0]
  let running = true

  const reserve = async () => {
    const end = ends[made++ % ends.length] ?? 'expired'
    const ttlSeconds = end === 'expired' ? shortTtlSeconds : longTtlSeconds
    const outcome = await shop.reserve({ userId: userOf(made), items: [{ sku, quantity: 1 }], ttlSeconds })
    if (!outcome.ok) throw new Error(`a reservation was refused: ${outcome.refusal.code}`)
    if (end === 'expired') expiring++
    else open.push({ id: outcome.value.id, end })
  }
  const endOldest = async () => {
    const oldest = open[ended++]
    if (oldest === undefined) throw new Error('more were ended than made')
    const outcome = await (oldest.end === 'confirmed' ? shop.confirm(oldest.id) : shop.cancel(oldest.id))
    if (!outcome.ok) throw new Error(`an end was refused: ${outcome.refusal.code}`)
    told[oldest.end]++
  }
  const caller = async () => {
    while (running || ended < open.length) {
      if (running) await reserve()
      if (ended < open.length - (running ? openMax : 0)) await endOldest()
    }
  }
  const completed = () => told.confirmed + told.cancelled + told.expired
  const callers = Promise.all(Array.from({ length: inFlight }, caller))
  const wait = (/** @type {number} */ ms) => Promise.race([delay(ms), callers])

  // Only a steady state is measured: as many wait for their end as shall wait, and reservations expire as fast as they are made.
  while (ended === 0 || told.expired === 0) await wait(10)
  await wait(shortTtlSeconds * 1_000)
  const [before, startedAt] = [completed(), performance.now()]
  await wait(measuredMs)
  const perSecond = ((completed() - before) / (performance.now() - startedAt)) * 1000
  running = false
  await callers
  while (told.expired < expiring) await delay(10)
  return perSecond
}
