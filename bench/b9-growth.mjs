import { verifyBooks } from './lib/books.mjs'
import { fillStore } from './lib/fill.mjs'
import { sqlitePlace, withPostgres } from './lib/places.mjs'
import { compare } from './lib/report.mjs'
import { alternate } from './lib/rounds.mjs'
import { reserveAll, userOf } from './lib/shop.mjs'

const inFlight = 1_000
const sku = 'hot'
const few = 10_000
const many = 1_000_000
const veryMany = 10_000_000

const title = 'Growth: accepted reservations of one hot sku while many are open'

/** @type {import('./lib/report.mjs').Bench} */
export const b9 = { name: 'B9', title, byDefault: false, run: (context) => growth(context, sqlitePlace(context), many) }

/** @type {import('./lib/report.mjs').Bench} */
export const b9Postgres = {
  name: 'B9-postgres',
  title,
  byDefault: false,
  run: (context) => withPostgres(context, (place) => growth(context, place, many)),
}

/** @type {import('./lib/report.mjs').Bench} */
export const b9PostgresLong = {
  name: 'B9-postgres-long',
  title,
  byDefault: false,
  run: (context) => withPostgres(context, (place) => growth(context, place, veryMany)),
}

/**
 * @param {import('./lib/report.mjs').Context} context
 * @param {import('./lib/places.mjs').Place} place
 * @param {number} open
 * @returns {Promise<import('./lib/report.mjs').Measured>}
 */
async function growth({ rounds, quick, say }, place, open) {
  const { durability } = place
  const count = quick ? 3_000 : 100_000
  const sizes = quick ? { few: few / 10, many: open / 50 } : { few, many: open }
  const filled = { few: place.at('few'), many: place.at('many') }

  /** @type {(size: keyof typeof sizes) => () => Promise<number>} */
  const over = (size) => async () => {
    const site = place.at('growth')
    await filled[size].copyTo(site)
    const perSecond = await reserveAll(site, {
      count,
      inFlight,
      cart: (index) => ({ userId: userOf(index), items: [{ sku, quantity: 1 }] }),
    })
    await verifyBooks(site, { active: sizes[size] + count })
    await site.remove()
    return perSecond
  }

  for (const size of /** @type {const} */ (['few', 'many'])) {
    await fillStore(filled[size], sku, sizes[size])
    say(`${sizes[size].toLocaleString('en')} reservations are open`)
  }
  const contenders = { few: over('few'), many: over('many') }
  if (!quick) await alternate({ 'warm-up': contenders.few }, { rounds: 1, say })
  const seen = await alternate(contenders, { rounds, say })
  return {
    settings: { inFlight, reservationsPerRound: count, ...place.settings },
    lines: [
      compare({
        what: `${sizes.many.toLocaleString('en')} reservations open`,
        figures: seen.many,
        against: `${sizes.few.toLocaleString('en')} reservations open`,
        peers: seen.few,
        goal: 0.9,
        durability,
      }),
    ],
  }
}
