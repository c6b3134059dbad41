import { afterAll, beforeAll, describe, test } from 'vitest'
import { describeStore } from '../../src/store/conformance/index.ts'
import { onOneNode, onTwoNodes } from '../support/postgres-harness.ts'
import { createPostgresStores, type PostgresStores } from '../support/postgres-stores.ts'

let stores: PostgresStores

beforeAll(async () => {
  stores = await createPostgresStores()
})

afterAll(() => stores.remove())

const urlOf = (schema: string, node: number): string => `${stores.server.url}?schema=${schema}${node === 0 ? '' : '&prepared=off'}`
for (const harness of [
  onOneNode('PostgreSQL', () => stores),
  onTwoNodes('PostgreSQL, two nodes in turns, one of them with prepared=off', () => stores, urlOf),
]) {
  describeStore(harness, { describe, test })
}
