import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Command } from '../../src/domain/command.ts'
import { sqliteStore, type Store } from '../../src/index.ts'
import { audit } from '../../src/store/audit.ts'
import {
  adjustStock,
  cancel,
  cancelOrder,
  confirm,
  createProduct,
  expire,
  extend,
  key,
  readEvents,
  reserve,
} from '../../src/store/conformance/kit.ts'
import { connect, disconnect } from '../../src/store/sqlite/connect.ts'
import { manualClock } from '../support/clock.ts'
import { temporaryFile } from '../support/folder.ts'
import { runs, seed } from '../support/random.ts'
import { createSometimes } from '../support/sometimes.ts'

const hour = 3_600_000
const keep = { eventsMs: hour, reservationsMs: 2 * hour, answersMs: 24 * hour }

/** Commands name reservations by number, the newest first. */
const which = fc.nat(12)
const keyed = fc.option(fc.constantFrom('k', 'l', 'm'), { nil: null, freq: 3 })
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      verb: fc.constant('reserve' as const),
      user: fc.constantFrom('u', 'v'),
      sku: fc.constantFrom('a', 'b'),
      quantity: fc.integer({ min: 1, max: 3 }),
      ttlMs: fc.constantFrom(60_000, hour, 23 * hour),
      keyed,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      verb: fc.constantFrom('confirm' as const, 'cancel' as const, 'extend' as const, 'cancelOrder' as const),
      which,
      keyed,
    }),
  },
  { weight: 1, arbitrary: fc.record({ verb: fc.constant('adjust' as const), delta: fc.constantFrom(-1, 1, 2), keyed }) },
  { weight: 2, arbitrary: fc.record({ verb: fc.constant('expire' as const) }) },
  { weight: 5, arbitrary: fc.record({ byMs: fc.constantFrom(1, 59_999, hour / 2, 3 * hour, 25 * hour) }) },
  { weight: 4, arbitrary: fc.record({ prune: fc.constantFrom(16, 100), times: fc.integer({ min: 1, max: 8 }) }) },
)

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

function commandOf(one: Extract<Step, { verb: string }>, made: readonly string[], next: number): Command {
  const idempotency = 'keyed' in one && one.keyed !== null ? key(one.keyed, { fingerprint: one.verb }) : null
  if (one.verb === 'reserve') return reserve(one.user, { [one.sku]: one.quantity }, { id: `r${next}`, ttlMs: one.ttlMs, idempotency })
  if (one.verb === 'adjust') return adjustStock('a', one.delta, { idempotency })
  if (one.verb === 'expire') return expire()
  const id = made.at(-1 - (one.which % Math.max(1, made.length))) ?? 'none'
  if (one.verb === 'confirm') return confirm(id, { orderId: `o-${id}`, idempotency })
  if (one.verb === 'cancel') return cancel(id, { idempotency })
  if (one.verb === 'extend') return extend(id, 5 * hour, { idempotency })
  return cancelOrder(`o-${id}`, { idempotency })
}

describe('a store from which old things are removed', () => {
  it('answers like one that keeps everything, but of what was removed (S1–S4, O1, I1, U1)', async () => {
    const sometimes = createSometimes(['an answer of what was removed', 'reservations removed', 'answers removed', 'events removed'])
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60 }), async (steps) => {
        const clock = manualClock()
        const [whole, pruned] = [await sqliteStore({ path: ':memory:', clock }), await sqliteStore({ path: ':memory:', clock })]
        const made: string[] = []
        const both = async (command: Command): Promise<void> => {
          const [expected, found] = [(await whole.execute([command]))[0]!, (await pruned.execute([command]))[0]!]
          const row = 'reservationId' in command ? await whole.reservation(command.reservationId) : null
          const mayBeGone = row?.endedAt != null && row.orderId === null && row.endedAt < clock() - keep.reservationsMs
          if (mayBeGone && !found.ok && found.refusal.code === 'reservation_not_found') sometimes.hit('an answer of what was removed')
          else expect(found).toEqual(expected)
          if (command.type === 'reserve' && expected.ok && !expected.replayed) made.push(command.id)
        }
        for (const command of [createProduct('a', 9, { maxPerUser: 6 }), createProduct('b', 9)]) await both(command)
        for (const [index, one] of steps.entries()) {
          if ('byMs' in one) clock.advance(one.byMs)
          else if ('verb' in one) await both(commandOf(one, made, index))
          else {
            for (let times = 0; times < one.times; times++) {
              const { events, reservations, answers } = await pruned.retention!.prune({ ...keep, limit: one.prune })
              if (events > 0) sometimes.hit('events removed')
              if (reservations > 0) sometimes.hit('reservations removed')
              if (answers > 0) sometimes.hit('answers removed')
            }
          }
          for (const sku of ['a', 'b']) expect((await pruned.product(sku))?.stock).toEqual((await whole.product(sku))?.stock)
        }
        expect((await audit(pruned)).findings).toEqual([])
        const [events, left] = [await readEvents(whole), await readEvents(pruned)]
        expect(left).toEqual(events.slice(events.length - left.length))
        await expectSameRows(whole, pruned, clock() - keep.reservationsMs)
        await Promise.all([whole.close(), pruned.close()])
      }),
      { seed, numRuns: runs(40), endOnFailure: process.env['HOLDFAST_MUTANT'] !== undefined },
    )
    if (runs(40) === 60) sometimes.expectAll('retention')
  })

  it('goes on where it was after it was closed, and the audit still finds what is wrong', async () => {
    const path = await temporaryFile()
    const clock = manualClock()
    let store = await sqliteStore({ path, clock })
    await store.execute([createProduct('a', 1_000), createProduct('b', 5)])
    for (let made = 0; made < 8; made++) {
      const commands = Array.from({ length: 20 }, (_, index) =>
        reserve('ann', { a: 1 }, { id: `${made}-${index}`, ttlMs: 50 * hour, idempotency: key(`${made}-${index}`) }),
      )
      await store.execute(commands)
      await store.execute(commands.slice(1).map(({ id }) => (made % 2 === 0 ? cancel(id) : confirm(id))))
      clock.advance(hour)
    }
    clock.advance(30 * hour)
    await store.execute([reserve('ann', { a: 1 })])
    clock.advance(hour / 2)
    let sums = [0, 0, 0]
    for (let more = true; more;) {
      const pruned = await store.retention!.prune({ ...keep, limit: 40 })
      sums = [sums[0]! + pruned.events, sums[1]! + pruned.reservations, sums[2]! + pruned.answers]
      more = pruned.more
      await store.close()
      store = await sqliteStore({ path, clock })
    }
    // 2 products, 160 made, 76 cancelled, 76 bought with an order each; the newest event stays, which came in the hour.
    expect(sums).toEqual([2 + 160 + 76 + 2 * 76, 76, 160])
    expect((await audit(store)).findings).toEqual([])
    await store.close()

    const findingsAfter = async (sql: string): Promise<string[]> => {
      const database = await connect(path)
      database.exec(`begin; pragma ignore_check_constraints = on; ${sql}; commit`)
      disconnect(database)
      const broken = await sqliteStore({ path, clock })
      const { findings } = await audit(broken)
      await broken.close()
      return findings.map(({ promise }) => promise)
    }
    expect(await findingsAfter(`update stock set reserved = reserved + 1 where sku = 'a'`)).toEqual(['S2', 'S3'])
    expect(await findingsAfter(`update stock set reserved = reserved - 1, version = version + 1 where sku = 'a'`)).toContain('S4')
    expect(
      await findingsAfter(
        `update stock set version = version - 1 where sku = 'a'; update reservations set status = 'cancelled', ended_at = ${clock()} where id = '0-0'`,
      ),
    ).toContain('H1')
  })
})

/** But for reservations that ended without an order before. */
async function expectSameRows(whole: Store, pruned: Store, before: number): Promise<void> {
  const query = { limit: 200, cursor: null }
  const rowsOf = async (store: Store) => (await store.reservations({ userId: null, sku: null, status: null }, query)).data
  const [all, left] = [await rowsOf(whole), await rowsOf(pruned)]
  const ids = new Set(left.map(({ id }) => id))
  expect(left).toEqual(all.filter(({ id }) => ids.has(id)))
  const gone = all.filter(({ id }) => !ids.has(id))
  expect(gone.filter(({ orderId, endedAt }) => orderId !== null || endedAt === null || endedAt >= before)).toEqual([])
  expect((await pruned.orders({ userId: null }, query)).data).toEqual((await whole.orders({ userId: null }, query)).data)
}
