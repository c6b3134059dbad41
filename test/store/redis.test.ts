import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createHoldfast } from '../../src/index.ts'
import { describeStore } from '../../src/store/conformance/index.ts'
import { sqliteLedger } from '../../src/store/sqlite/ledger.ts'
import { manualClock } from '../support/clock.ts'
import { until } from '../support/postgres-locks.ts'
import { accepted, verdict } from '../support/shop.ts'
import { onRedis, postgresPlace, sqlitePlace } from '../support/redis-harness.ts'
import { createPostgresStores, type PostgresStores } from '../support/postgres-stores.ts'
import { skipRedis } from '../support/redis-server.ts'
import { createRedisStores, type RedisStores } from '../support/redis-stores.ts'

describe.skipIf(skipRedis)('the store in Redis', () => {
  let stores: RedisStores
  let postgres: PostgresStores

  beforeAll(async () => {
    ;[stores, postgres] = await Promise.all([createRedisStores(), createPostgresStores()])
  })

  afterAll(() => Promise.all([stores.remove(), postgres.remove()]))

  for (const harness of [
    onRedis('Redis with a ledger in SQLite', () => stores, sqlitePlace),
    onRedis(
      'Redis with a ledger in PostgreSQL',
      () => stores,
      () => postgresPlace(postgres),
    ),
  ]) {
    describeStore(harness, { describe, test })
  }

  test('after a loss of memory a reservation that was removed is not found, and one that nobody knows is lost', async () => {
    // Ids have the time of this process.
    const clock = manualClock(Date.now() + 60_000)
    const namespace = stores.newNamespace()
    const store = await stores.openAt(namespace, await sqliteLedger({ path: ':memory:' }), clock)
    await using shop = createHoldfast({ store, expiry: 'manual' })
    accepted(await shop.createProduct({ sku: 'a', name: 'A', totalStock: 9 }))
    const reserve = async () => accepted(await shop.reserve({ userId: 'ann', items: [{ sku: 'a', quantity: 1 }] })).id
    const [removed, kept] = [await reserve(), await reserve()]
    accepted(await shop.cancel(removed))
    clock.advance(24 * 3_600_000)
    await shop.sweep()
    await shop.events()
    while ((await store.retention!.prune({ eventsMs: 0, reservationsMs: 0, answersMs: null, limit: 1 })).more);
    await stores.forget(namespace, clock)
    await until('a new generation', () =>
      shop.product('a').then(
        () => true,
        () => false,
      ),
    )
    const unknown = newIdAt(clock())
    const answers = async (id: string) => [(await shop.reservation(id))?.status ?? null, verdict(await shop.confirm(id))]
    expect(await answers(removed)).toEqual([null, 'reservation_not_found'])
    expect(await answers(kept)).toEqual(['expired', 'reservation_expired'])
    expect(await answers(unknown)).toEqual(['lost', 'reservation_lost'])
  })
})

/** As the engine makes them. */
function newIdAt(time: number): string {
  const ms = time.toString(16).padStart(12, '0')
  return `${ms.slice(0, 8)}-${ms.slice(8)}-7000-8000-000000000000`
}
