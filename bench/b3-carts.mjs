import { join } from 'node:path'
import { createRandom, sample } from './lib/random.mjs'
import { compare } from './lib/report.mjs'
import { alternate } from './lib/rounds.mjs'
import { measureReserving, skuNames, userOf } from './lib/shop.mjs'

const inFlight = 1_000
const skus = skuNames(100)

/** @type {import('./lib/report.mjs').Bench} */
export const b3 = {
  name: 'B3',
  title: 'Carts: several lines in random order, all or none',
  byDefault: true,
  run: async ({ folder, rounds, quick, durability, say }) => {
    const count = quick ? 2_000 : 50_000

    /** @type {(lines: number) => () => Promise<number>} */
    const carts = (lines) => {
      const random = createRandom()
      const picked = Array.from({ length: count }, () => sample(random, lines, skus.length))
      return () =>
        measureReserving(join(folder, 'carts.db'), {
          skus,
          count,
          inFlight,
          cart: (index) => ({
            userId: userOf(index),
            items: (picked[index] ?? []).map((sku) => ({ sku: skus[sku] ?? '', quantity: 1 })),
          }),
        })
    }

    const contenders = { '1 line': carts(1), '5 lines': carts(5), '15 lines': carts(15) }
    if (!quick) await alternate({ 'warm-up': contenders['5 lines'] }, { rounds: 1, say })
    const seen = await alternate(contenders, { rounds, say })
    const [against, peers] = ['carts of 1 line', seen['1 line']]
    /** @type {(lines: number, figures: readonly number[]) => number[]} */
    const inLines = (lines, figures) => figures.map((figure) => figure * lines)
    const [five, fifteen] = [seen['5 lines'], seen['15 lines']]
    return {
      settings: { inFlight, skus: skus.length, cartsPerRound: count, failures: 0 },
      lines: [
        compare({ what: 'carts of 5 lines', unit: 'carts/s', figures: five, against, peers, goal: 0.5, durability }),
        compare({ what: 'carts of 15 lines', unit: 'carts/s', figures: fifteen, against, peers, durability }),
        compare({ what: 'carts of 5 lines', unit: 'lines/s', figures: inLines(5, five), against, peers, durability }),
        compare({ what: 'carts of 15 lines', unit: 'lines/s', figures: inLines(15, fifteen), against, peers, durability }),
      ],
    }
  },
}
