import { join } from 'node:path'
import { uniform, zipf } from './lib/random.mjs'
import { compare } from './lib/report.mjs'
import { alternate } from './lib/rounds.mjs'
import { measureReserving, skuNames, userOf } from './lib/shop.mjs'

const inFlight = 1_000
/** As many as one batch takes: what each sku of a batch costs is then shared by more. */
const crowd = 4_000
const skus = skuNames(1_000)
const skew = 0.99

/** @type {import('./lib/report.mjs').Bench} */
export const b2 = {
  name: 'B2',
  title: 'Spread: many skus against one hot sku',
  byDefault: true,
  run: async ({ folder, rounds, quick, durability, say }) => {
    const count = quick ? 3_000 : 100_000

    /** @type {(picks: ArrayLike<number>, callers?: number) => () => Promise<number>} */
    const over =
      (picks, callers = inFlight) =>
      () =>
        measureReserving(join(folder, 'spread.db'), {
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
      settings: { inFlight, crowd, skus: skus.length, reservationsPerRound: count },
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
  },
}
