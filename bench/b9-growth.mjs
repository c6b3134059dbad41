import { constants } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { verifyBooks } from './lib/books.mjs'
import { compare } from './lib/report.mjs'
import { alternate } from './lib/rounds.mjs'
import { removeStore, reserveAll, userOf } from './lib/shop.mjs'
import { fillStore } from './lib/fill.mjs'

const inFlight = 1_000
const sku = 'hot'

/** @type {import('./lib/report.mjs').Bench} */
export const b9 = {
  name: 'B9',
  title: 'Growth: accepted reservations of one hot sku while many are open',
  byDefault: false,
  run: async ({ folder, rounds, quick, durability, say }) => {
    const count = quick ? 3_000 : 100_000
    const [few, many] = quick ? [1_000, 20_000] : [10_000, 1_000_000]

    /** @type {(open: number) => () => Promise<number>} */
    const over = (open) => async () => {
      const path = join(folder, 'growth.db')
      await copyFile(join(folder, `${open}.db`), path, constants.COPYFILE_FICLONE)
      const perSecond = await reserveAll(path, {
        count,
        inFlight,
        cart: (index) => ({ userId: userOf(index), items: [{ sku, quantity: 1 }] }),
      })
      await verifyBooks(path, { active: open + count })
      await removeStore(path)
      return perSecond
    }

    for (const open of [few, many]) {
      await fillStore(join(folder, `${open}.db`), sku, open)
      say(`${open.toLocaleString('en')} reservations are open`)
    }
    const contenders = { few: over(few), many: over(many) }
    if (!quick) await alternate({ 'warm-up': contenders.few }, { rounds: 1, say })
    const seen = await alternate(contenders, { rounds, say })
    return {
      settings: { inFlight, reservationsPerRound: count },
      lines: [
        compare({
          what: `${many.toLocaleString('en')} reservations open`,
          figures: seen.many,
          against: `${few.toLocaleString('en')} reservations open`,
          peers: seen.few,
          goal: 0.9,
          durability,
        }),
      ],
    }
  },
}
