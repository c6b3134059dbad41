import fc from 'fast-check'
import { afterAll, beforeAll, describe, it } from 'vitest'
import type { Store } from '../../src/index.ts'
import type { Ledger } from '../../src/store/ledger.ts'
import { postgresLedger } from '../../src/store/postgres/ledger.ts'
import { sqliteLedger } from '../../src/store/sqlite/ledger.ts'
import { manualClock } from '../support/clock.ts'
import { createPostgresStores, type PostgresStores } from '../support/postgres-stores.ts'
import { runs, seed } from '../support/random.ts'
import { skipRedis } from '../support/redis-server.ts'
import { createRedisStores, type RedisStores } from '../support/redis-stores.ts'
import { createSometimes } from '../support/sometimes.ts'
import { parameters, runBoth } from './run.ts'
import { opening, stepsInRedis } from './steps.ts'

describe.skipIf(skipRedis)('Holdfast on Redis beside a model of plain arrays', () => {
  let redis: RedisStores
  let postgres: PostgresStores
  console.log(`HOLDFAST_SEED=${seed}`)

  beforeAll(async () => {
    ;[redis, postgres] = await Promise.all([createRedisStores(), createPostgresStores()])
  })

  afterAll(() => Promise.all([redis.remove(), postgres.remove()]))

  const laws = 'S1–S5, S8, S9, H1–H8, O1–O5, I1–I3, U1, E1, E3'

  it(`answers, reads and records like the model in ${runs(100)} runs with a ledger in SQLite, also after it lost its memory (${laws})`, async () => {
    const clock = manualClock()
    const sometimes = createSometimes(['reservation_lost', 'another refusal', 'accepted', 'replayed'])
    await fc.assert(
      fc.asyncProperty(opening, stepsInRedis, async (first, steps) => {
        const namespace = redis.newNamespace()
        const ledger = await sqliteLedger({ path: ':memory:', clock })
        const open = (): Promise<Store> => redis.openAt(namespace, { ...ledger, close: async () => {} }, clock)
        try {
          await runBoth(first, steps, {
            clock,
            open,
            lose: () => redis.forget(namespace, clock),
            onAnswer: (_, answer) => {
              if (answer.ok) sometimes.hit(answer.replayed ? 'replayed' : 'accepted')
              else sometimes.hit(answer.refusal.code === 'reservation_lost' ? 'reservation_lost' : 'another refusal')
            },
          })
        } finally {
          await ledger.close()
        }
      }),
      { ...parameters, numRuns: runs(100) },
    )
    if (runs(100) === 100) sometimes.expectAll('model on Redis')
  })

  it(`answers, reads and records like the model in ${runs(25)} runs with a ledger in PostgreSQL, also after it lost its memory (${laws})`, async () => {
    const clock = manualClock()
    await fc.assert(
      fc.asyncProperty(opening, stepsInRedis, async (first, steps) => {
        const [namespace, schema] = [redis.newNamespace(), postgres.newSchema()]
        // Its clock is in the test's hands from here on.
        await (await postgres.openAt(schema, clock)).close()
        const openLedger = (): Promise<Ledger> =>
          postgresLedger({ url: `${postgres.server.url}?schema=${schema}`, connectionsMax: 4, warn: () => {} })
        const open = async (): Promise<Store> => redis.openAt(namespace, await openLedger(), clock)
        const lose = async (): Promise<void> => {
          await postgres.server.sql(`update "${schema}".clock set now = ${clock()}`)
          await redis.forget(namespace, clock)
        }
        await runBoth(first, steps, { clock, open, lose })
        await postgres.server.sql(`drop schema "${schema}" cascade`)
      }),
      { ...parameters, numRuns: runs(25) },
    )
  })
})
