import { describe, expect, it } from 'vitest'
import { sqliteStore, type Reservation, type Store } from '../../src/index.ts'
import { audit, type AuditReport } from '../../src/store/audit.ts'
import { cancel, cancelOrder, confirm, createProduct, expire, extend, adjustStock, reserve } from '../../src/store/conformance/kit.ts'
import { connect, disconnect } from '../../src/store/sqlite/connect.ts'
import { manualClock, type ManualClock } from '../support/clock.ts'
import { temporaryFile } from '../support/folder.ts'
import { separateEvents, subjectOf, typeOf } from '../support/stored-events.ts'

/** Something of everything: `held` and `due` are reserved, `bought` is sold, the order of `returned` is cancelled. */
async function sell(store: Store, clock: ManualClock): Promise<void> {
  await store.execute([createProduct('a', 20), createProduct('b', 20)])
  const reserved = ['held', 'due', 'bought', 'returned', 'cancelled', 'expired'].map((id, index) =>
    reserve('ann', { a: index + 1, b: 1 }, { id, ttlMs: id === 'expired' ? 1_000 : id === 'due' ? 2_000 : 60_000 }),
  )
  // All at once would be more than there is.
  for (const command of reserved.slice(2, 5)) await store.execute([command])
  await store.execute([
    confirm('bought', { orderId: 'order-of-bought' }),
    confirm('returned', { orderId: 'order-of-returned' }),
    cancel('cancelled'),
  ])
  await store.execute([cancelOrder('order-of-returned'), reserved[5]!])
  clock.advance(1_000)
  await store.execute([expire(), reserved[0]!, reserved[1]!, extend('held', 99_000), adjustStock('a', 5)])
  clock.advance(2_000)
}

async function auditBroken(sql: string): Promise<AuditReport> {
  const path = await temporaryFile()
  const clock = manualClock()
  const store = await sqliteStore({ path, clock })
  await sell(store, clock)
  await store.close()
  const database = await connect(path)
  database.exec(separateEvents + sql)
  disconnect(database)
  const broken = await sqliteStore({ path, clock })
  const report = await audit(broken)
  await broken.close()
  return report
}

const eventOf = (type: string, subject: string) => `(select seq from events where ${typeOf} = '${type}' and ${subjectOf} = '${subject}')`
/** So that a wrong row can be written at all. */
const unchecked = 'pragma ignore_check_constraints = on; '

describe('audit()', () => {
  it('finds nothing in a sound store, and counts what there is', async () => {
    const clock = manualClock()
    const store = await sqliteStore({ path: ':memory:', clock })
    expect(await audit(store)).toMatchObject({ ok: true, products: 0, events: 0 })
    await sell(store, clock)
    const phases = new Set<string>()
    const report = await audit(store, { onProgress: ({ phase }) => phases.add(phase) })
    expect(report).toMatchObject({ ok: true, products: 2, reservations: 6, orders: 2, findings: [], unsettled: [] })
    expect(report.events).toBeGreaterThan(15)
    expect(phases).toContain('events')
    // Due, and nobody wrote it down yet: no finding. Written down: none either.
    expect((await store.reservation('due'))?.status).toBe('expired')
    await store.execute([expire()])
    expect((await audit(store)).findings).toEqual([])
    await store.close()
  })

  it.each([
    [
      'S1',
      'a',
      `${unchecked}update events set list = replace(list, '["a",2,20,3,0]', '["a",2,20,30,0]')`,
      'at version 2 30 are reserved and 0 sold of 20',
    ],
    ['S1', 'a', `${unchecked}update stock set total = 1 where sku = 'a'`, 'now, at version'],
    ['S2', 'a', `update stock set reserved = reserved + 2 where sku = 'a'`, 'the counter says 3 reserved; active reservations hold 1'],
    ['S2', 'b', `update stock set sold = sold + 2 where sku = 'b'`, 'the counter says 3 sold; placed orders have 1'],
    ['S3', 'a', `update stock set reserved = reserved + 2 where sku = 'a'`, 'the events make 1 reserved; the counter says 3'],
    ['S3', 'b', `update stock set sold = 0 where sku = 'b'`, 'the events make 20 total and 1 sold; the counters say 20 and 0'],
    [
      'S3',
      'b',
      `update events set list = json_set(list, '$[0][2].stock', json('[["a",2,20,3,0]]')) where seq = 3`,
      'changed the stock and records no version of it',
    ],
    [
      'S3',
      'b',
      `update events set list = json_set(list, '$[0][2].stock', json('[["b",2,20,0,0]]')) where ${typeOf} = 'reservation.extended'`,
      'records a change that it does not tell of',
    ],
    [
      'S3',
      'a',
      `update events set list = replace(list, '["a",2,20,3,0]', '["a",2,20,4,0]')`,
      'the events make it 20 total, 3 reserved, 0 sold',
    ],
    ['S4', 'a', `update stock set version = 99 where sku = 'a'`, 'the product is at version 99 and its events end at'],
    ['S4', 'a', `delete from events where ${typeOf} = 'stock.adjusted'`, 'the product is at version 13 and its events end at 12'],
    ['S4', 'a', `delete from events where seq = ${eventOf('reservation.created', 'bought')}`, 'version 1 is followed by version 3'],
    [
      'S4',
      'c',
      `insert into products select 'c', name, null, null, null, null, 0, null, null, null, 1, 1 from products where sku = 'a'; insert into stock values ('c', 1, 0, 0, 1)`,
      'there is a product of this sku and no events',
    ],
    ['S4', 'a', `delete from products where sku = 'a'`, 'there are events of this sku and no product'],
  ])('finds a broken %s of %s: %s', async (promise, sku, sql, message) => {
    const { ok, findings } = await auditBroken(sql)
    expect(ok).toBe(false)
    expect(findings).toContainEqual({ promise, sku, message: expect.stringContaining(message), units: expect.any(Array) })
  })

  it.each([
    [
      'H1',
      `delete from events where seq = ${eventOf('reservation.cancelled', 'cancelled')}`,
      'reservation cancelled: cancelled in its row, active by the events',
    ],
    ['H1', `delete from events where seq = ${eventOf('reservation.created', 'cancelled')}`, 'reservation cancelled: cancelled by event'],
    ['H1', `delete from events where ${subjectOf} = 'cancelled'`, 'ended: 3 by the events, 4 in the rows'],
    [
      'H1',
      `update reservations set status = 'active', ended_at = null, expires_at = 9e14 where id = 'expired'`,
      'reservation expired: expired by event',
    ],
    ['H1', `update reservations set status = 'cancelled' where id = 'expired'`, 'reservation expired: expired by event'],
    [
      'H1',
      `insert into events select (select max(seq) + 1 from events), time, list from events where seq = ${eventOf('reservation.cancelled', 'cancelled')}`,
      'reservation cancelled: cancelled by event',
    ],
    [
      'H1',
      `insert into events select (select max(seq) + 1 from events), time, list from events where seq = ${eventOf('reservation.created', 'held')}`,
      'reservation held: made twice',
    ],
    [
      'O3',
      `delete from orders where id = 'order-of-bought'; delete from events where ${typeOf} = 'order.created'`,
      'reservation bought: confirmed, without an order',
    ],
    [
      'O2',
      `update reservations set order_id = 'order-of-returned' where id = 'bought'`,
      'order order-of-bought: its reservation bought has the order order-of-returned',
    ],
    [
      'O3',
      `update orders set status = 'placed', cancelled_at = null where id = 'order-of-returned'`,
      'order order-of-returned: cancelled by event',
    ],
    ['O3', `delete from events where ${typeOf} = 'order.cancelled'`, 'cancelledOrders: 0 by the events, 1 in the rows'],
  ])('finds a broken %s: %s', async (promise, sql, line) => {
    const { findings } = await auditBroken(sql)
    expect(findings).toContainEqual({
      promise,
      sku: null,
      message: expect.any(String),
      units: expect.arrayContaining([expect.stringContaining(line)]),
    })
  })

  it.each([
    [`update stock set reserved = reserved + 2 where sku = 'a'`, 'reservation held: 1 reserved until 2026-'],
    [`update stock set sold = sold + 2 where sku = 'a'`, 'order order-of-bought: 3 sold'],
    [`update stock set sold = sold + 2 where sku = 'a'`, 'rows and events agree on these'],
    [
      `update reservations set status = 'cancelled', ended_at = 1 where id = 'held'`,
      'reservation held: 1 reserved by the events, cancelled in its row',
    ],
    [
      `update reservations set status = 'active', ended_at = null, expires_at = 9e14 where id = 'expired'`,
      'reservation expired: 6 reserved in its row, not by the events',
    ],
    [
      `update orders set status = 'placed', cancelled_at = null where id = 'order-of-returned'`,
      'order order-of-returned: 4 back on sale by event',
    ],
  ])('explains the units after: %s', async (sql, line) => {
    const { findings } = await auditBroken(sql)
    const units = findings.filter(({ sku }) => sku === 'a').flatMap((finding) => finding.units)
    expect(units).toContainEqual(expect.stringContaining(line))
  })

  it.each([
    ['H1', 'held', 'reservation held: active by the events, has no row'],
    ['S2', 'held', 'reservation held: 1 reserved by the events, without a row'],
    ['O3', 'bought', 'order order-of-bought: its reservation bought is missing'],
    ['H1', 'expired', 'reservation expired: expired by event'],
  ])('finds a broken %s when the row of %s is gone', async (promise, lost, line) => {
    const clock = manualClock()
    const store = await sqliteStore({ path: ':memory:', clock })
    await sell(store, clock)
    const forgetful: Store = {
      ...store,
      reservation: async (id) => (id === lost ? null : store.reservation(id)),
      reservations: async (filter, query) => {
        const page = await store.reservations(filter, query)
        return { ...page, data: page.data.filter(({ id }) => id !== lost) }
      },
    }
    const { findings } = await audit(forgetful)
    const units = findings.filter((finding) => finding.promise === promise).flatMap((finding) => finding.units)
    expect(units).toContainEqual(expect.stringContaining(line))
    await store.close()
  })

  it('finds orders whose reservation did not end that way (O3)', async () => {
    const clock = manualClock()
    const store = await sqliteStore({ path: ':memory:', clock })
    await sell(store, clock)
    const turn = (row: Reservation): Reservation => (row.id === 'bought' ? { ...row, status: 'cancelled', orderId: null } : row)
    const wrong: Store = {
      ...store,
      reservation: async (id) => {
        const row = await store.reservation(id)
        return row === null ? null : turn(row)
      },
      reservations: async (filter, query) => {
        const page = await store.reservations(filter, query)
        return { ...page, data: page.data.map(turn) }
      },
    }
    const { findings } = await audit(wrong)
    expect(findings.map(({ promise, units }) => [promise, units])).toEqual([
      ['O3', ['order order-of-bought: its reservation bought is cancelled']],
      ['H1', [expect.stringContaining('reservation bought: confirmed by event')]],
    ])
    await store.close()
  })

  it('lists at most 20 lines', async () => {
    const path = await temporaryFile()
    const store = await sqliteStore({ path })
    await store.execute([createProduct('a', 100), ...Array.from({ length: 60 }, () => reserve('ann', { a: 1 }))])
    await store.close()
    const database = await connect(path)
    database.exec(`update reservations set status = 'cancelled', ended_at = 1`)
    disconnect(database)
    const broken = await sqliteStore({ path })
    const { findings } = await audit(broken)
    expect(findings.map(({ promise, units }) => [promise, units.length])).toEqual([
      ['S2', 20],
      ['H1', 20],
    ])
    expect(findings[1]?.message).toMatch(/^60 /)
    await broken.close()
  })

  it('finds nothing while reservations become due at every single read', async () => {
    const clock = manualClock()
    const store = await sqliteStore({ path: ':memory:', clock })
    await store.execute([createProduct('a', 1_000), createProduct('b', 1_000)])
    await store.execute(Array.from({ length: 300 }, (_, index) => reserve('ann', { a: 1, b: 2 }, { ttlMs: 100 + index })))
    const ageing: Store = {
      ...store,
      products: (query) => (clock.advance(3), store.products({ ...query, limit: 1 })),
      reservations: (filter, query) => (clock.advance(1), store.reservations(filter, { ...query, limit: 7 })),
    }
    for (let round = 0; round < 5; round++) expect((await audit(ageing)).findings).toEqual([])
    await store.close()
  })

  it('finds nothing in a store that is written to while it reads, and says what it could not settle', async () => {
    const clock = manualClock()
    const store = await sqliteStore({ path: ':memory:', clock })
    await sell(store, clock)
    const busy: Store = {
      ...store,
      reservations: async (filter, query) => {
        await store.execute([reserve('bob', { a: 1 }, { ttlMs: 1 })])
        clock.advance(1)
        return store.reservations(filter, { ...query, limit: 2 })
      },
    }
    expect(await audit(busy)).toMatchObject({ ok: true, findings: [], unsettled: ['a'] })
    expect(await audit(store)).toMatchObject({ ok: true, unsettled: [] })
    await store.close()
  })

  it('finds a wrong counter also of a sku that nobody touches while others are busy', async () => {
    const path = await temporaryFile()
    const clock = manualClock()
    const first = await sqliteStore({ path, clock })
    await sell(first, clock)
    await first.close()
    const database = await connect(path)
    database.exec(`update stock set sold = sold + 1 where sku = 'b'`)
    disconnect(database)
    const store = await sqliteStore({ path, clock })
    const busy: Store = {
      ...store,
      reservations: async (filter, query) => {
        await store.execute([reserve('bob', { a: 1 })])
        return store.reservations(filter, query)
      },
    }
    const { findings, unsettled } = await audit(busy)
    expect([findings.map(({ promise, sku }) => `${promise} ${sku}`), unsettled]).toEqual([['S2 b'], ['a']])
    await store.close()
  })
})
