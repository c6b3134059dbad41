import { afterAll, onTestFinished } from 'vitest'
import { sqliteLedger } from '../../src/store/sqlite/ledger.ts'
import { createHoldfast, sqliteStore, type BatchReport, type Holdfast, type Outcome, type Stock, type Store } from '../../src/index.ts'
import { manualClock, type ManualClock } from './clock.ts'
import { createPostgresStores, type PostgresStores } from './postgres-stores.ts'
import { skipRedis } from './redis-server.ts'
import { createRedisStores, type RedisStores } from './redis-stores.ts'
import { expectSound } from './sound.ts'

export interface TestShop {
  readonly shop: Holdfast
  readonly store: Store
  readonly clock: ManualClock
  /** Every batch so far, oldest first. */
  readonly batches: BatchReport[]
  readonly stock: (sku: string) => Promise<Stock>
  /** The verdict of the audit. */
  readonly expectSound: () => Promise<void>
}

/** Where the tests of races keep their facts: HOLDFAST_TEST_STORE is `sqlite`, the default, `postgres` or `redis`; the projects in vitest.config.ts set it. */
const kind = process.env['HOLDFAST_TEST_STORE'] ?? 'sqlite'
/** For `describe.skipIf`. */
export const skipRaces = kind === 'redis' && skipRedis
let postgres: Promise<PostgresStores> | undefined
let redis: Promise<RedisStores> | undefined

afterAll(async () => {
  await (await postgres)?.remove()
  await (await redis)?.remove()
})

const nobodyWaits = { onBatch: () => {}, turn: () => null }

async function openTestStore(clock: ManualClock): Promise<Store> {
  if (kind === 'redis') {
    const stores = await (redis ??= createRedisStores())
    return stores.openAt(stores.newNamespace(), await sqliteLedger({ path: ':memory:', clock }), clock)
  }
  if (kind !== 'postgres') return sqliteStore({ path: ':memory:', clock })
  const stores = await (postgres ??= createPostgresStores())
  return stores.openAt(stores.newSchema(), clock)
}

/** A shop on an empty store, SQLite in memory unless it is said otherwise, whose clock stands still. `wrap` may put something between engine and store. */
export async function openShop({ wrap = (store: Store): Store => store } = {}): Promise<TestShop> {
  const clock = manualClock()
  const store = await openTestStore(clock)
  const batches: BatchReport[] = []
  const shop = createHoldfast({ store: wrap(store), expiry: 'manual', giveWay: nobodyWaits, onBatch: (batch) => batches.push(batch) })
  onTestFinished(() => shop.close())
  return {
    shop,
    store,
    clock,
    batches,
    stock: async (sku) => (await shop.product(sku))!.stock,
    expectSound: () => expectSound(store),
  }
}

/** The value of an outcome that must be a yes. */
export function accepted<Value>(outcome: Outcome<Value>): Value {
  if (!outcome.ok) throw new Error(`refused: ${JSON.stringify(outcome.refusal)}`)
  return outcome.value
}

/** The code of the refusal, or `ok`. */
export function verdict(outcome: Outcome<unknown>): string {
  return outcome.ok ? 'ok' : outcome.refusal.code
}

/** What is submitted before and after this is decided in different batches. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
