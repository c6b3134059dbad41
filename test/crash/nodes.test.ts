import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openStore } from '../../src/index.ts'
import { createPostgresStores, type PostgresStores } from '../support/postgres-stores.ts'
import { createRandom, seed } from '../support/random.ts'
import { skipRedis } from '../support/redis-server.ts'
import { createRedisStores, type RedisStores } from '../support/redis-stores.ts'
import { startService, type ServiceProcess } from '../support/service.ts'
import { createSometimes } from '../support/sometimes.ts'
import { expectSound } from '../support/sound.ts'
import { createBooks, type Call } from './books.ts'
import { createClient, type Client } from './client.ts'
import { cases, checkEverything, judge } from './judge.ts'
import { createListener } from './listener.ts'
import { startLoad, totals, type Load } from './load.ts'

/** One a second; a minute of them with `npm run test:crash`. */
const kills = Number(process.env['HOLDFAST_NODE_KILLS'] ?? 3)
const nodeCount = 3
const connections = 4
/** The listener is on this machine. */
const allowed = { HOLDFAST_WEBHOOK_ALLOW_PRIVATE: 'true' }

let stores: PostgresStores
let redis: RedisStores | null = null

beforeAll(async () => {
  stores = await createPostgresStores()
  if (!skipRedis) redis = await createRedisStores()
})

afterAll(async () => {
  await stores.remove()
  await redis?.remove()
})

/** Where the facts are: a store, and its ledger if it has one. */
interface Place {
  readonly store: string
  readonly ledger: string | undefined
}

const places: readonly [string, () => Place][] = [
  ['one database', () => ({ store: `${stores.server.url}?schema=${stores.newSchema()}`, ledger: undefined })],
  [
    'one Redis with a ledger in PostgreSQL',
    () => ({
      store: `${redis!.server.url}?namespace=${redis!.newNamespace()}`,
      ledger: `${stores.server.url}?schema=${stores.newSchema()}`,
    }),
  ],
]

interface Node {
  readonly service: ServiceProcess
  readonly client: Client
  readonly load: Load
}

describe.each(skipRedis ? places.slice(0, 1) : places)('three nodes on %s', (_, newPlace) => {
  console.log(`HOLDFAST_SEED=${seed}`)

  it(
    `lose nothing that was acknowledged while one is killed each second, ${kills} times (S1–S6, H1, H2, H4, H7, O1–O5, I1, I2, I4, I5, U1, E2–E4)`,
    { timeout: 120_000 + kills * 5_000 },
    async () => {
      const place = newPlace()
      const random = createRandom(seed)
      const books = createBooks()
      const sometimes = createSometimes(cases)
      const calls: Call[] = []
      const listener = await createListener()
      let starts = 0

      const start = async (): Promise<Node> => {
        const service = await startService(place.store, place.ledger, [], allowed)
        const client = createClient(service.address)
        if (starts === 0) {
          await listener.listen(client)
          for (const [sku, totalStock] of totals) {
            const answer = await client.post('/v1/products', { sku, name: sku, totalStock, ...(sku === 'each' && { maxPerUser: 5 }) }, null)
            expect(answer?.status).toBe(201)
          }
        }
        return { service, client, load: startLoad(client, books, random, connections, ++starts) }
      }
      const end = async ({ service, client, load }: Node): Promise<void> => {
        if (load.inFlight > 0) sometimes.hit('killed with requests in flight')
        await service.kill()
        await load.done
        calls.push(...load.calls)
        client.close()
      }

      // The first makes the products; the others start at once.
      const nodes = [await start(), ...(await Promise.all(Array.from({ length: nodeCount - 1 }, start)))]
      for (let kill = 0; kill < kills; kill++) {
        await delay(1_000)
        const victim = random.int(nodeCount)
        await end(nodes[victim]!)
        nodes[victim] = await start()
      }
      await Promise.all(nodes.map(end))

      const service = await startService(place.store, place.ledger, [], allowed)
      const client = createClient(service.address)
      try {
        await judge(client, books, calls, sometimes)
        await checkEverything(client, books)
        const { events, repeats } = await listener.judge(client)
        console.log(`${events} events told, ${repeats} of them again`)
        expect(await service.stop(), 'exit code after SIGTERM').toBe(0)
      } finally {
        client.close()
        await service.kill()
      }
      const store = await openStore(place.store, { ledger: place.ledger, warn: () => {} })
      await expectSound(store)
      await store.close()
      for (const { seenEnd } of books.reservations.values()) if (seenEnd === 'expired') sometimes.hit('reservation that expired')
      for (const { seenCancelled } of books.orders.values()) if (seenCancelled) sometimes.hit('order cancelled')
      console.log(`${kills} kills, ${calls.length} requests, ${books.reservations.size} reservations, ${books.orders.size} orders`)
      // A node is hardly ever killed between a commit and its answer; test/store/postgres-faults.test.ts makes that happen.
      sometimes.expectAll('nodes', ['unknown outcome that had been committed'])
    },
  )
})
