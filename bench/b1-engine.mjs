import { verifyBooks } from './lib/books.mjs'
import { sqlitePlace } from './lib/places.mjs'
import { compare } from './lib/report.mjs'
import { alternate } from './lib/rounds.mjs'
import { makeStore, measureReserving, userOf } from './lib/shop.mjs'
import { bulkInsert, oneByOne } from './lib/sqlite-peers.mjs'

const inFlight = 1_000
const perCommit = 256
const ceilingGoal = 0.6
const timesGoal = 15
const skus = ['hot-1', 'hot-2']

/** @type {import('./lib/report.mjs').Bench} */
export const b1 = {
  name: 'B1',
  title: 'Engine: accepted reservations of hot skus, without HTTP',
  byDefault: true,
  run: async (context) => {
    const { rounds, quick, say } = context
    const { at, durability } = sqlitePlace(context)
    // A multiple of what either ceiling commits at once, so that all write the same number of rows.
    const count = quick ? 32_000 : 128_000
    const countOneByOne = quick ? 500 : 12_000

    /** @type {(lines: number, load?: { callers?: number, keyed?: boolean, maxPerUser?: number }) => () => Promise<number>} */
    const engine =
      (lines, { callers = inFlight, keyed = false, maxPerUser } = {}) =>
      () => {
        const items = skus.slice(0, lines).map((sku) => ({ sku, quantity: 1 }))
        return measureReserving(at('engine'), {
          skus,
          details: maxPerUser === undefined ? {} : { maxPerUser },
          count,
          inFlight: callers,
          cart: (index) => ({ userId: userOf(index), items }),
          ...(keyed ? { key: (/** @type {number} */ index) => `key-${index}` } : {}),
        })
      }

    /** @type {(lines: number, options?: { rowsPerCommit?: number, isPlain?: boolean }) => () => Promise<number>} */
    const ceiling =
      (lines, { rowsPerCommit = perCommit, isPlain = false } = {}) =>
      async () => {
        const site = at('ceiling')
        await makeStore(site, skus)
        const perSecond = await bulkInsert(site.path, { count, perCommit: rowsPerCommit, skus: skus.slice(0, lines), isPlain })
        await verifyBooks(site, { active: count }, isPlain ? { laws: ['S1', 'S2'] } : {})
        await site.remove()
        return perSecond
      }

    /** @type {(lines: number) => () => Promise<number>} */
    const naive = (lines) => async () => {
      const site = at('one-by-one')
      await makeStore(site, skus)
      const perSecond = await oneByOne(site.path, { count: countOneByOne, skus: skus.slice(0, lines) })
      await verifyBooks(site, { active: countOneByOne })
      await site.remove()
      return perSecond
    }

    const contenders = {
      'engine, 1 line': engine(1),
      'ceiling, 1 line': ceiling(1),
      'plain ceiling, 1 line': ceiling(1, { isPlain: true }),
      'ceiling in the larger commits, 1 line': ceiling(1, { rowsPerCommit: inFlight }),
      'one by one, 1 line': naive(1),
      'engine, 2 lines': engine(2),
      'ceiling, 2 lines': ceiling(2),
      'plain ceiling, 2 lines': ceiling(2, { isPlain: true }),
      'ceiling in the larger commits, 2 lines': ceiling(2, { rowsPerCommit: inFlight }),
      'one by one, 2 lines': naive(2),
      'engine, 256 callers': engine(1, { callers: perCommit }),
      'engine, with keys': engine(1, { keyed: true }),
      'engine, with a limit': engine(1, { maxPerUser: 4 }),
    }
    if (!quick) await alternate({ 'warm-up': engine(2), 'warm-up of the ceiling': ceiling(1) }, { rounds: 1, say })
    const seen = await alternate(contenders, { rounds, say })

    const bulk = `the same rows bulk-inserted, ${perCommit} per commit`
    const plainBulk = `a row for each line and event bulk-inserted, ${perCommit} per commit`
    const largerBulk = `the same rows bulk-inserted, ${inFlight} per commit`
    const single = 'one transaction for each reservation'
    const [one, two, fewer] = [`1 line, ${inFlight} callers`, `2 lines, ${inFlight} callers`, `1 line, ${perCommit} callers`]
    /** @typedef {keyof typeof contenders} Name */
    /** @type {(what: string, name: Name, against: string, peer: Name, goal?: number | null) => import('./lib/report.mjs').Line} */
    const line = (what, name, against, peer, goal = null) =>
      compare({ what, figures: seen[name], against, peers: seen[peer], goal, shownAs: goal === timesGoal ? '×' : '%', durability })
    return {
      settings: { reservationsPerRound: count, oneByOnePerRound: countOneByOne },
      lines: [
        line(one, 'engine, 1 line', bulk, 'ceiling, 1 line', ceilingGoal),
        line(two, 'engine, 2 lines', bulk, 'ceiling, 2 lines', ceilingGoal),
        line(one, 'engine, 1 line', plainBulk, 'plain ceiling, 1 line', ceilingGoal),
        line(two, 'engine, 2 lines', plainBulk, 'plain ceiling, 2 lines', ceilingGoal),
        line(one, 'engine, 1 line', largerBulk, 'ceiling in the larger commits, 1 line'),
        line(two, 'engine, 2 lines', largerBulk, 'ceiling in the larger commits, 2 lines'),
        line(fewer, 'engine, 256 callers', bulk, 'ceiling, 1 line'),
        line(one, 'engine, 1 line', single, 'one by one, 1 line', timesGoal),
        line(two, 'engine, 2 lines', single, 'one by one, 2 lines', timesGoal),
        line('with an idempotency key', 'engine, with keys', one, 'engine, 1 line'),
        line('with a limit per user', 'engine, with a limit', one, 'engine, 1 line'),
      ],
    }
  },
}
