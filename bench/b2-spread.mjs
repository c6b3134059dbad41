import { onEachLedger, sqlitePlace, withPostgres } from './lib/places.mjs'
import { uniform, zipf } from './lib/random.mjs'
import { compare } from './lib/report.mjs'
import { alternate } from './lib/rounds.mjs'
import { measureReserving, skuNames, userOf } from './lib/shop.mjs'

const inFlight = 1_000
/** As many as one batch takes: what each sku of a batch costs is then shared by more. */
const crowd = 4_000
const skus = skuNames(1_000)
const skew = 0.99

const title = 'Spread: many skus against one hot sku'

/** @type {import('./lib/report.mjs').Bench} */
export const b2 = { name: 'B2', title, byDefault: true, run: (context) => skusIn(context, sqlitePlace(context)) }

/** @type {import('./lib/report.mjs').Bench} */
export const b2Postgres = {
  name: 'B2-postgres',
  title,
  byDefault: false,
  run: (context) => withPostgres(context, (place) => skusIn(context, place)),
}

/** @type {import('./lib/report.mjs').Bench} */
export const b2Redis = {
  name: 'B2-redis',
  title,
  byDefault: false,
  run: (context) => onEachLedger(context, (place, each) => skusIn(each, place, 300_000)),
}

/**
 * @param {import('./lib/report.mjs').Context} context
 * @param {import('./lib/places.mjs').Place} place
 * @param {number} [reservations] in each round
 * @returns {Promise<import('./lib/report.mjs').Measured>}
 */
async function skusIn({ rounds, quick, say }, place, reservations = 100_000) {
  const { durability } = place
  const count = quick ? 3_000 : reservations

  /** @type {(picks: ArrayLike<number>, callers?: number) => () => Promise<number>} */
  const over =
    (picks, callers = inFlight) =>
    () =>
      measureReserving(place.at('spread'), {
        skus,
        count,
        inFlight: callers,
        cart: (index) => ({ userId: userOf(index), items: [{ sku: skus[picks[index] ?? 0] ?? '', quantity: 1 }] }),
      })

  const contenders = {
    'one sku': over(new Uint16Array(count)),
    uniform: over(uniform(count, skus.length)),
    'one sku, crowd': over(new Uint16Array(count), crowd),
    'uniform, crowd': over(uniform(count, skus.length), crowd),
    Zipf: over(zipf(count, skus.length, skew)),
  }
  if (!quick) await alternate({ 'warm-up': contenders.uniform }, { rounds: 1, say })
  const seen = await alternate(contenders, { rounds, say })
  const hot = 'one hot sku'
  const spread = `${skus.length} skus, uniform`
  const skewed = `${skus.length} skus, Zipf ${skew}`
  return {
    settings: { inFlight, crowd, skus: skus.length, reservationsPerRound: count, ...place.settings },
    lines: [
      compare({ what: hot, figures: seen['one sku'], against: spread, peers: seen.uniform, goal: 1, durability }),
      compare({ what: hot, figures: seen['one sku'], against: skewed, peers: seen.Zipf, goal: 1, durability }),
      // The other way round, without a goal: a batch of many skus has many books to read and write.
      compare({ what: spread, figures: seen.uniform, against: hot, peers: seen['one sku'], durability }),
      compare({
        what: `${spread}, ${crowd} callers`,
        figures: seen['uniform, crowd'],
        against: `${hot}, ${crowd} callers`,
        peers: seen['one sku, crowd'],
        durability,
      }),
      compare({ what: skewed, figures: seen.Zipf, against: hot, peers: seen['one sku'], durability }),
    ],
  }
}
