import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Store } from '../../src/index.ts'
import {
  adjustStock,
  cancel,
  cancelOrder,
  confirm,
  createProduct,
  expire,
  extend,
  key,
  reserve,
  updateProduct,
} from '../../src/store/conformance/kit.ts'
import { manualClock } from '../support/clock.ts'
import { until } from '../support/postgres-locks.ts'
import { createPostgresStores, type PostgresStores } from '../support/postgres-stores.ts'

const rows = 12_000
const perBatch = 3_000
const page = { limit: 50, cursor: null }

let stores: PostgresStores

beforeAll(async () => {
  stores = await createPostgresStores()
})

afterAll(() => stores.remove())

describe('what a batch or a page reads of very many rows', () => {
  it.each([
    ['with statistics', 'analyze'],
    ['before there are any', 'select 1'],
  ])('is found by indexes, %s', async (_, prepare) => {
    const schema = stores.newSchema()
    const clock = manualClock()
    const filling = await stores.openAt(schema, clock)
    await filling.execute([createProduct('a', 1_000_000), createProduct('few', 9), createProduct('limited', 100, { maxPerUser: 50 })])
    for (let first = 0; first < rows; first += perBatch) {
      const ids = Array.from({ length: perBatch }, (__, index) => `r${first + index}`)
      await filling.execute(
        ids.map((id) =>
          reserve(`user-${id}`, { a: 1 }, { id, ttlMs: id.endsWith('7') ? 1_000 : 600_000, slots: [{ name: `user-${id}`, max: 1 }] }),
        ),
      )
      // So that there are very many orders and answers, too.
      const sold = ids.filter((id) => !id.endsWith('7'))
      await filling.execute(sold.map((id) => confirm(id, { orderId: `order-${id}`, idempotency: key(`k-${id}`) })).slice(0, perBatch / 2))
    }
    await filling.close()
    await stores.server.sql(prepare)
    const before = await readWhole(schema)

    const store = await stores.openAt(schema, clock)
    await useEverything(store)
    clock.advance(1_000)
    await store.execute([expire(50), reserve('ann', { few: 1 })])
    await store.close()
    // The statistics come when the connections have ended.
    await until('the statistics of what was read', async () => (await indexScans(schema)) > before.indexScans)
    const after = await readWhole(schema)
    // Going through a table once would be all of its rows; a few are those that were read while there were only few.
    for (const [table, read] of after.rows) {
      expect(read - (before.rows.get(table) ?? 0), `rows of ${table} that were read by going through them`).toBeLessThan(1_000)
    }
  })
})

async function useEverything(store: Store): Promise<void> {
  // More than once, because PostgreSQL plans a statement anew for some times.
  for (let round = 0; round < 8; round++) {
    const id = `r${round * 20 + 5_001}`
    const orderId = `order-r${round * 20 + 2}`
    const outcomes = await store.execute([
      reserve('ann', { a: 1, few: 1 }, { id: `new-${round}` }),
      reserve('ann', { limited: 1 }, { slots: [{ name: `user-${id}`, max: 2 }] }),
      reserve('bob', { few: 20 }),
      extend(id, 900_000),
      cancel(`new-${round}`),
      cancelOrder(orderId),
      adjustStock('a', 1, { idempotency: key(`adjust-${round}`) }),
    ])
    expect(outcomes.map(({ ok }) => ok)).toEqual([true, true, false, true, true, true, true])
    const [confirmed] = await store.execute([confirm(id)])
    expect(confirmed?.ok).toBe(true)
    await store.product('a')
    await store.products(page)
    await store.reservation(id)
    await store.reservations({ userId: `user-${id}`, sku: null, status: null }, page)
    await store.reservations({ userId: null, sku: null, status: null, slot: `user-${id}` }, page)
    await store.order(orderId)
    await store.orders({ userId: `user-${id}` }, page)
    await store.orders({ userId: null }, page)
    await store.events({ limit: 50, cursor: '9000' })
    await store.nextDueInMs()
  }
  await store.execute([updateProduct('few', { maxPerUser: 3 })])
}

const large = `('reservations', 'orders', 'events', 'answers')`

async function readWhole(schema: string): Promise<{ readonly rows: ReadonlyMap<string, number>; readonly indexScans: number }> {
  const tables = await stores.server.sql(
    `select relname, seq_tup_read::float8 as n from pg_stat_user_tables where schemaname = '${schema}' and relname in ${large}`,
  )
  return { rows: new Map(tables.map((row) => [String(row['relname']), Number(row['n'])])), indexScans: await indexScans(schema) }
}

async function indexScans(schema: string): Promise<number> {
  const [row] = await stores.server.sql(
    `select sum(idx_scan)::float8 as n from pg_stat_user_tables where schemaname = '${schema}' and relname in ${large}`,
  )
  return Number(row?.['n'])
}
