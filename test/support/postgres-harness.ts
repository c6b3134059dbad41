import type { Store } from '../../src/index.ts'
import type { Harness } from '../../src/store/conformance/index.ts'
import { manualClock } from './clock.ts'
import type { PostgresStores } from './postgres-stores.ts'

/** The suite on a node whose URL may be another than that of the server. */
export function onOneNode(name: string, stores: () => PostgresStores, urlOf?: (schema: string) => string): Harness {
  return {
    name,
    durable: true,
    open: async () => {
      const clock = manualClock()
      const schema = stores().newSchema()
      const open = (): Promise<Store> => stores().openAt(schema, clock, urlOf && { url: urlOf(schema) })
      let store = await open()
      return {
        store,
        advance: (ms) => clock.advance(ms),
        reopen: async () => {
          await store.close()
          store = await open()
          return store
        },
        close: () => store.close(),
      }
    },
  }
}

/** Every command and every read goes to the next of two nodes on one database. */
export function onTwoNodes(name: string, stores: () => PostgresStores, urlOf?: (schema: string, node: number) => string): Harness {
  return {
    name,
    durable: false,
    open: async () => {
      const clock = manualClock()
      const schema = stores().newSchema()
      const open = (node: number): Promise<Store> => stores().openAt(schema, clock, urlOf && { url: urlOf(schema, node) })
      const nodes = [await open(0), await open(1)] as const
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
          vitals: {
            read: () => next().vitals!.read(),
            countActive: () => next().vitals!.countActive(),
          },
          notes: {
            list: (...given) => next().notes!.list(...given),
            read: (...given) => next().notes!.read(...given),
            write: (...given) => next().notes!.write(...given),
          },
        },
        advance: (ms) => clock.advance(ms),
        close: async () => {
          await Promise.all(nodes.map((node) => node.close()))
        },
      }
    },
  }
}
