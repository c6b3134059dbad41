import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Store } from '../../src/index.ts'
import { manualClock, type ManualClock } from '../support/clock.ts'
import { putOnSale, reservationOf } from '../support/http-shop.ts'
import { expectNoReports, startService, type Service } from '../support/http.ts'
import { createPostgresStores, type PostgresStores } from '../support/postgres-stores.ts'
import { postgresPlace } from '../support/redis-harness.ts'
import { skipRedis } from '../support/redis-server.ts'
import { createRedisStores, type RedisStores } from '../support/redis-stores.ts'

let postgres: PostgresStores
let redis: RedisStores | undefined

beforeAll(async () => {
  postgres = await createPostgresStores()
  if (!skipRedis) redis = await createRedisStores()
})
afterAll(async () => {
  await redis?.remove()
  await postgres.remove()
})

interface Place {
  readonly open: () => Promise<Store>
  /** How many clients are remembered. */
  readonly remembered: () => Promise<number>
}

const places: readonly (readonly [string, boolean, (clock: ManualClock) => Place])[] = [
  [
    'PostgreSQL',
    false,
    (clock) => {
      const schema = postgres.newSchema()
      return {
        open: () => postgres.openAt(schema, clock),
        remembered: async () => Number((await postgres.server.sql(`select count(*) as n from "${schema}".requests`))[0]?.['n']),
      }
    },
  ],
  [
    'Redis',
    skipRedis,
    (clock) => {
      const { server, newNamespace, openAt } = redis!
      const [namespace, place] = [newNamespace(), postgresPlace(postgres)]
      const size = async (command: string, name: string) => Number(await server.cli(command, `{holdfast:${namespace}}:1:${name}`))
      return {
        open: async () => openAt(namespace, await place.open(), clock),
        remembered: async () => Math.max(await size('HLEN', 'requests'), await size('ZCARD', 'windows')),
      }
    },
  ],
]

describe.each(places.filter(([, isSkipped]) => !isSkipped))('two nodes on one %s', (_name, _isSkipped, placeAt) => {
  async function openNodes(): Promise<{ nodes: readonly [Store, Store]; clock: ManualClock; remembered: Place['remembered'] }> {
    const clock = manualClock()
    const { open, remembered } = placeAt(clock)
    const nodes = [await open(), await open()] as const
    onTestFinished(async () => {
      for (const node of nodes) await node.close()
    })
    return { nodes, clock, remembered }
  }

  it('count together, each client in a window from its first request to its end', async () => {
    const { nodes, clock } = await openNodes()
    const count = async (node: number, client: string, requests: number) =>
      (await nodes[node]!.countRequests!([{ client, requests, windowMs: 1_000 }]))[0]
    expect(await count(0, 'a', 2)).toEqual({ requests: 2, endsInMs: 1_000 })
    clock.advance(400)
    expect(await count(1, 'a', 3)).toEqual({ requests: 5, endsInMs: 600 })
    expect(await count(1, 'b', 1)).toEqual({ requests: 1, endsInMs: 1_000 })
    clock.advance(599)
    expect(await count(0, 'a', 1)).toEqual({ requests: 6, endsInMs: 1 })
    clock.advance(1)
    expect(await count(0, 'a', 1)).toEqual({ requests: 1, endsInMs: 1_000 })
    expect(await count(0, 'b', 1)).toEqual({ requests: 2, endsInMs: 400 })
  })

  it('lose no request of the same clients at the same moment, in whatever order they are named', async () => {
    const { nodes } = await openNodes()
    const clients = Array.from({ length: 50 }, (_, n) => `client ${n}:'"\\é`)
    const calls = Array.from({ length: 20 }, (_, n) =>
      nodes[n % 2]!.countRequests!(
        (n % 3 === 0 ? clients : clients.toReversed()).map((client) => ({ client, requests: 1, windowMs: 60_000 })),
      ),
    )
    const answers = await Promise.all(calls)
    const counts = answers.flatMap((windows, n) => windows.map(({ requests }, at) => [n % 3 === 0 ? at : 49 - at, requests] as const))
    for (const at of clients.keys()) {
      const ofClient = counts.filter(([which]) => which === at).map(([, requests]) => requests)
      expect(ofClient.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n + 1))
    }
  })

  it('forget windows that are over', async () => {
    const { nodes, clock, remembered } = await openNodes()
    const count = (clients: number, from: number) =>
      nodes[0].countRequests!(Array.from({ length: clients }, (_, n) => ({ client: `${from + n}`, requests: 1, windowMs: 1_000 })))
    await count(100, 0)
    expect(await remembered()).toBe(100)
    clock.advance(1_000)
    // PostgreSQL forgets once in a second.
    do await count(1, 1_000)
    while ((await remembered()) > 1)
  })

  it('share the limit of a service', async () => {
    const { nodes } = await openNodes()
    const services: Service[] = []
    const limits = { requests: { max: 40, windowMs: 60_000 } }
    for (const node of nodes) {
      const { countRequests } = node
      services.push(await startService({ wrap: () => node, app: { requests: { limits, countRequests, answerMsMax: 60_000 } } }))
    }
    const sku = await putOnSale(services[0]!, 100)
    const answers = await Promise.all(Array.from({ length: 60 }, (_, n) => services[n % 2]!.post('/v1/reservations', reservationOf(sku))))
    // One of the forty put the product on sale.
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(39)
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(21)
    for (const service of services) {
      expectNoReports(service)
      await service.close()
    }
  })
})
