import { onEachLedger, sqlitePlace, withPostgres } from './lib/places.mjs'
import { createRandom, sample } from './lib/random.mjs'
import { compare, state } from './lib/report.mjs'
import { alternate } from './lib/rounds.mjs'
import { measureReserving, skuNames, userOf } from './lib/shop.mjs'

const inFlight = 1_000
const skus = skuNames(100)
const title = 'Carts: several lines in random order, all or none'
/** Of a store that several processes may share: engines that share the callers. */
const nodes = 3
const sizes = /** @type {const} */ (['1 line', '5 lines', '15 lines'])

/** @type {import('./lib/report.mjs').Bench} */
export const b3 = {
  name: 'B3',
  title,
  byDefault: true,
  run: (context) => measure(sqlitePlace(context), context),
}

/** @type {import('./lib/report.mjs').Bench} */
export const b3Redis = {
  name: 'B3-redis',
  title,
  byDefault: false,
  run: (context) => onEachLedger(context, (place, each) => measure(place, each, 150_000)),
}

/** @type {import('./lib/report.mjs').Bench} */
export const b3Postgres = {
  name: 'B3-postgres',
  title,
  byDefault: false,
  run: (context) =>
    withPostgres(context, async (place) => {
      const { rounds, say } = context
      const { durability } = place
      /** @type {number[]} */
      const deadlocks = []
      const site = place.at('carts')
      const beforeRemoval = async () => void deadlocks.push(await site.deadlocks())
      const { contenders, carts, count } = cartsIn(site, context, { beforeRemoval })
      const several = { '1 line, nodes': carts(1, nodes), '5 lines, nodes': carts(5, nodes), '15 lines, nodes': carts(15, nodes) }
      if (!context.quick) await alternate({ 'warm-up': contenders['5 lines'] }, { rounds: 1, say })
      const seen = await alternate({ ...contenders, ...several }, { rounds, say })
      const all = deadlocks.reduce((sum, one) => sum + one, 0)
      return {
        settings: { inFlight, skus: skus.length, cartsPerRound: count, failures: 0, ...place.settings },
        lines: [
          ...linesOf(seen, durability, null),
          ...sizes.map((words) => {
            const [what, against] = [`carts of ${words}, ${nodes} engines`, `carts of ${words}, 1 engine`]
            return compare({ what, unit: 'carts/s', figures: seen[`${words}, nodes`], against, peers: seen[words], durability })
          }),
          state({ what: 'deadlocks in all rounds', unit: 'deadlocks', figures: [all], atMost: 0, durability }),
        ],
      }
    }),
}

/**
 * @param {import('./lib/places.mjs').Place} place
 * @param {import('./lib/report.mjs').Context} context
 * @param {number} [carts] in each round
 * @returns {Promise<import('./lib/report.mjs').Measured>}
 */
async function measure(place, context, carts) {
  const { rounds, say } = context
  const { contenders, count } = cartsIn(place.at('carts'), context, { cartsPerRound: carts })
  if (!context.quick) await alternate({ 'warm-up': contenders['5 lines'] }, { rounds: 1, say })
  const seen = await alternate(contenders, { rounds, say })
  return {
    settings: { inFlight, skus: skus.length, cartsPerRound: count, failures: 0, ...place.settings },
    lines: linesOf(seen, place.durability, 0.5),
  }
}

/**
 * @param {import('./lib/places.mjs').Site} site
 * @param {import('./lib/report.mjs').Context} context
 * @param {{ cartsPerRound?: number | undefined, beforeRemoval?: () => Promise<void> }} [options]
 */
function cartsIn(site, { quick }, { cartsPerRound = 50_000, beforeRemoval = async () => {} } = {}) {
  const count = quick ? 2_000 : cartsPerRound
  /** @type {(lines: number, engines?: number) => () => Promise<number>} */
  const carts = (lines, engines = 1) => {
    const random = createRandom()
    const picked = Array.from({ length: count }, () => sample(random, lines, skus.length))
    return () =>
      measureReserving(site, {
        skus,
        count,
        inFlight,
        engines,
        cart: (index) => ({
          userId: userOf(index),
          items: (picked[index] ?? []).map((sku) => ({ sku: skus[sku] ?? '', quantity: 1 })),
        }),
        beforeRemoval,
      })
  }
  return { count, carts, contenders: { '1 line': carts(1), '5 lines': carts(5), '15 lines': carts(15) } }
}

/**
 * @param {Readonly<Record<(typeof sizes)[number], readonly number[]>>} seen
 * @param {string} durability
 * @param {number | null} goal of carts of five lines
 */
function linesOf(seen, durability, goal) {
  const [against, peers] = ['carts of 1 line', seen['1 line']]
  /** @type {(lines: number, figures: readonly number[]) => number[]} */
  const inLines = (lines, figures) => figures.map((figure) => figure * lines)
  const [five, fifteen] = [seen['5 lines'], seen['15 lines']]
  return [
    compare({ what: 'carts of 5 lines', unit: 'carts/s', figures: five, against, peers, goal, durability }),
    compare({ what: 'carts of 15 lines', unit: 'carts/s', figures: fifteen, against, peers, durability }),
    compare({ what: 'carts of 5 lines', unit: 'lines/s', figures: inLines(5, five), against, peers, durability }),
    compare({ what: 'carts of 15 lines', unit: 'lines/s', figures: inLines(15, fifteen), against, peers, durability }),
  ]
}
