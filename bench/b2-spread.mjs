import { join } from 'node:path'
import { uniform, zipf } from './lib/random.mjs'
import { compare } from './lib/report.mjs'
import { alternate } from './lib/rounds.mjs'
import { measureReserving, skuNames, userOf } from './lib/shop.mjs'

const inFlight = 1_000
const skus = skuNames(1_000)
const skew = 0.99

/** @type {import('./lib/report.mjs').Bench} */
export const b2 = {
  name: 'B2',
  title: 'Spread: many skus against one hot sku',
  byDefault: true,
  run: async ({ folder, rounds, quick, durability, say }) => {
    const count = quick ? 3_000 : 100_000

    /** @type {(picks: ArrayLike<number>) => () => Promise<number>} */
    const over = (picks) => () =>
      measureReserving(join(folder, 'spread.db'), {
        skus,
        count,
        inFlight,
        cart: (index) => ({ userId: userOf(index), items: [{ sku: skus[picks[index] ?? 0] ?? '', quantity: 1 }] }),
      })

    const contenders = {
      'one sku': over(new Uint16Array(count)),
      uniform: over(uniform(count, skus.length)),
      Zipf: over(zipf(count, skus.length, skew)),
    }
    if (!quick) await alternate({ 'warm-up': contenders.uniform }, { rounds: 1, say })
    const seen = await alternate(contenders, { rounds, say })
    const against = 'one hot sku'
    const peers = seen['one sku']
    return {
      settings: { inFlight, skus: skus.length, reservationsPerRound: count },
      lines: [
        compare({ what: `${skus.length} skus, uniform`, figures: seen.uniform, against, peers, goal: 1, durability }),
        compare({ what: `${skus.length} skus, Zipf ${skew}`, figures: seen.Zipf, against, peers, goal: 1, durability }),
      ],
    }
  },
}
