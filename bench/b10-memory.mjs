import { execFile } from 'node:child_process'
import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { verifyBooks } from './lib/books.mjs'
import { fillStore } from './lib/fill.mjs'
import { options } from './lib/options.mjs'
import { sqlitePlace } from './lib/places.mjs'
import { compare, state } from './lib/report.mjs'
import { alternate } from './lib/rounds.mjs'

const sku = 'hot'
const mebibyte = 2 ** 20

/** @type {import('./lib/report.mjs').Bench} */
export const b10 = {
  name: 'B10',
  title: 'Memory: of the process and of the file, while many reservations are open',
  byDefault: false,
  run: async (context) => {
    const { rounds, quick, say } = context
    const { at, durability } = sqlitePlace(context)
    const [few, many] = quick ? [2_000, 20_000] : [100_000, 1_000_000]
    const count = quick ? 2_000 : 50_000

    /** @type {(open: number) => () => Promise<{ rss: number, heap: number, bytesEach: number }>} */
    const over = (open) => async () => {
      const site = at('memory')
      await fillStore(site, sku, open)
      const bytesEach = statSync(site.path).size / open
      const script = fileURLToPath(new URL('./lib/memory-of-a-shop.mjs', import.meta.url))
      const { stdout } = await promisify(execFile)(process.execPath, [
        '--expose-gc',
        script,
        site.url,
        sku,
        String(count),
        '--dist',
        options.dist,
      ])
      await verifyBooks(site, { active: open + count })
      await site.remove()
      return { ...JSON.parse(stdout), bytesEach }
    }

    const contenders = { few: over(few), many: over(many) }
    const seen = await alternate(contenders, { rounds, say })
    const [against, what] = [few, many].map((open) => `${open.toLocaleString('en')} reservations open`)
    const shared = { outcome: /** @type {const} */ ('–'), unit: 'MiB', against: against ?? '', durability }
    /** @type {(pick: (sample: { rss: number, heap: number, bytesEach: number }) => number) => { figures: number[], peers: number[] }} */
    const both = (pick) => ({ figures: seen.many.map(pick), peers: seen.few.map(pick) })
    return {
      settings: { reservationsMadeBeforeReading: count },
      lines: [
        compare({ ...shared, what: `resident size, ${what}`, ...both(({ rss }) => rss / mebibyte), goal: 1.25, sense: 'at most' }),
        compare({ ...shared, what: `heap, ${what}`, ...both(({ heap }) => heap / mebibyte) }),
        state({
          what: 'file, each open reservation of 1 line',
          unit: 'bytes',
          figures: seen.many.map(({ bytesEach }) => bytesEach),
          durability,
        }),
      ],
    }
  },
}
