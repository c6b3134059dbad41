import { afterAll, beforeAll, describe, test } from 'vitest'
import { describeStore } from '../../src/store/conformance/index.ts'
import type { Harness } from '../../src/store/conformance/index.ts'
import { manualClock } from '../support/clock.ts'
import { createPostgresStores, type PostgresStores } from '../support/postgres-stores.ts'

let stores: PostgresStores

beforeAll(async () => {
  stores = await createPostgresStores()
})

afterAll(() => stores.remove())

const postgres: Harness = {
  name: 'PostgreSQL',
  durable: true,
  open: async () => {
    const clock = manualClock()
    const schema = stores.newSchema()
    let store = await stores.openAt(schema, clock)
    return {
      store,
      advance: (ms) => clock.advance(ms),
      reopen: async () => {
        await store.close()
        store = await stores.openAt(schema, clock)
        return store
      },
      close: () => store.close(),
    }
  },
}

/** Every command and every read goes to the next of two nodes on one database. */
const twoNodes: Harness = {
  name: 'PostgreSQL, two nodes in turns',
  durable: false,
  open: async () => {
    const clock = manualClock()
    const schema = stores.newSchema()
    const nodes = [await stores.openAt(schema, clock), await stores.openAt(schema, clock)] as const
    let turns = 0
    const next = (): (typeof nodes)[number] => nodes[turns++ % 2]!
    const [first] = nodes
    return {
      store: {
        ...first,
        execute: (...given) => next().execute(...given),
        product: (...given) => next().product(...given),
        products: (...given) => next().products(...given),
        reservation: (...given) => next().reservation(...given),
        reservations: (...given) => next().reservations(...given),
        order: (...given) => next().order(...given),
        orders: (...given) => next().orders(...given),
        events: (...given) => next().events(...given),
        nextDueInMs: () => next().nextDueInMs(),
      },
      advance: (ms) => clock.advance(ms),
      close: async () => {
        await Promise.all(nodes.map((node) => node.close()))
      },
    }
  },
}

for (const harness of [postgres, twoNodes]) describeStore(harness, { describe, test })
