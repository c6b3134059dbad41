import { afterAll, beforeAll, describe, test } from 'vitest'
import { describeStore } from '../../src/store/conformance/index.ts'
import { onOneNode } from '../support/postgres-harness.ts'
import { createPostgresStores, type PostgresStores } from '../support/postgres-stores.ts'

let stores: PostgresStores

beforeAll(async () => {
  stores = await createPostgresStores()
})

afterAll(() => stores.remove())

const withoutPrepared = (schema: string): string => `${stores.server.url}?schema=${schema}&prepared=off`
describeStore(
  onOneNode('PostgreSQL, prepared=off', () => stores, withoutPrepared),
  { describe, test },
)
