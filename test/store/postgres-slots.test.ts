import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createHoldfast, type Store } from '../../src/index.ts'
import { createProduct, extend, reserve } from '../../src/store/conformance/kit.ts'
import { manualClock, type ManualClock } from '../support/clock.ts'
import { holdFeed, untilWaitingForLocks } from '../support/postgres-locks.ts'
import { createPostgresStores, type PostgresStores } from '../support/postgres-stores.ts'
import { accepted, verdict } from '../support/shop.ts'
import { expectSound } from '../support/sound.ts'

let stores: PostgresStores

beforeAll(async () => {
  stores = await createPostgresStores()
})

afterAll(() => stores.remove())

async function openNodes(count: number, schema: string, clock: ManualClock): Promise<readonly Store[]> {
  const nodes: Store[] = []
  for (let made = 0; made < count; made++) nodes.push(await stores.openAt(schema, clock))
  onTestFinished(async () => {
    await expectSound(nodes[0]!)
    await Promise.all(nodes.map((node) => node.close()))
  })
  return nodes
}

describe('several nodes on one database', () => {
  it('hold one limit of active reservations together, whatever these are of', async () => {
    const nodes = await openNodes(3, stores.newSchema(), manualClock())
    const shops = nodes.map((store) => createHoldfast({ store, expiry: 'manual', activePerUserMax: 4 }))
    const skus = Array.from({ length: 6 }, (_, index) => `s${index}`)
    for (const sku of skus) accepted(await shops[0]!.createProduct({ sku, name: sku, totalStock: 100 }))
    const before = await deadlocks()
    for (let round = 0; round < 8; round++) {
      const outcomes = await Promise.all(
        skus.map((sku, index) => shops[index % 3]!.reserve({ userId: 'one', items: [{ sku, quantity: 1 }] })),
      )
      expect(outcomes.map(verdict).toSorted()).toEqual([
        ...Array<string>(4).fill('ok'),
        ...Array<string>(2).fill('reservation_limit_exceeded'),
      ])
      const held = outcomes.flatMap((outcome) => (outcome.ok ? [outcome.value.id] : []))
      await Promise.all(held.map((id, index) => shops[index % 3]!.cancel(id)))
    }
    expect(await deadlocks()).toBe(before)
  })

  it('do not let a reservation keep a slot that another has taken when it was due (H5)', async () => {
    const schema = stores.newSchema()
    const clock = manualClock()
    const [first, second] = (await openNodes(2, schema, clock)) as [Store, Store]
    const one = { slots: [{ name: 'one', max: 1 }] }
    const held = reserve('ann', { a: 1 }, { ...one, ttlMs: 1_000 })
    await first.execute([createProduct('a', 9), createProduct('b', 9), held])
    // Whoever appends events waits here, after the decision and before the commit.
    const release = await holdFeed(stores.server, schema)
    const extending = first.execute([extend(held.id, 5_000)])
    await untilWaitingForLocks(stores.server, schema, 1)
    clock.advance(1_000)
    const reserving = second.execute([reserve('ann', { b: 1 }, one)])
    await untilWaitingForLocks(stores.server, schema, 2)
    await release()
    expect([...(await extending), ...(await reserving)].map(verdict)).toEqual(['ok', 'reservation_limit_exceeded'])
  })
})

async function deadlocks(): Promise<unknown> {
  const [row] = await stores.server.sql('select sum(deadlocks)::int as n from pg_stat_database')
  return row?.['n']
}
