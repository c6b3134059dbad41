import fc from 'fast-check'
import { afterAll, beforeAll, describe, it } from 'vitest'
import type { Store } from '../../src/index.ts'
import { manualClock } from '../support/clock.ts'
import { createPostgresStores, type PostgresStores } from '../support/postgres-stores.ts'
import { runs, seed } from '../support/random.ts'
import { parameters, runBoth } from './run.ts'
import { opening, stepsOnFile } from './steps.ts'

let stores: PostgresStores

beforeAll(async () => {
  stores = await createPostgresStores()
})

afterAll(() => stores.remove())

describe('Holdfast on PostgreSQL beside a model of plain arrays', () => {
  console.log(`HOLDFAST_SEED=${seed}`)

  it(`answers, reads and records like the model in ${runs(60)} runs, from one node and then from the next (S1–S5, S8, S9, H1–H8, O1–O5, I1–I3, U1, E1, E3)`, async () => {
    const clock = manualClock()
    await fc.assert(
      fc.asyncProperty(opening, stepsOnFile, async (first, steps) => {
        const schema = stores.newSchema()
        const open = (): Promise<Store> => stores.openAt(schema, clock)
        await runBoth(first, steps, { clock, open })
        await stores.server.sql(`drop schema "${schema}" cascade`)
      }),
      { ...parameters, numRuns: runs(60) },
    )
  })
})
