import { afterAll, beforeAll, describe, test } from 'vitest'
import { describeStore } from '../../src/store/conformance/index.ts'
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
})
