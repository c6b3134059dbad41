import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sqliteStore, type Page, type Store } from '../../src/index.ts'
import { readEvents } from '../../src/store/conformance/kit.ts'
import { parameters, runBoth } from '../model/run.ts'
import { opening, stepsInMemory } from '../model/steps.ts'
import { manualClock } from '../support/clock.ts'
import { transitionsOf } from '../support/journal.ts'
import { ledgerKinds, openForAudit } from '../support/ledgers.ts'
import { createPostgresStores, type PostgresStores } from '../support/postgres-stores.ts'
import { runs, seed } from '../support/random.ts'
import { expectSound } from '../support/sound.ts'

let stores: PostgresStores

beforeAll(async () => {
  stores = await createPostgresStores()
})

afterAll(() => stores.remove())

const usualRuns = 30

const none = { userId: null, sku: null, status: null } as const

async function all<Item>(read: (query: { limit: number; cursor: string | null }) => Promise<Page<Item>>): Promise<Item[]> {
  const items: Item[] = []
  for (let cursor: string | null = null; ;) {
    const page: Page<Item> = await read({ limit: 100, cursor })
    items.push(...page.data)
    if (page.nextCursor === null) return items
    cursor = page.nextCursor
  }
}

async function everythingIn(store: Store) {
  return {
    products: await all((query) => store.products(query)),
    reservations: await all((query) => store.reservations(none, query)),
    orders: await all((query) => store.orders({ userId: null }, query)),
    events: await readEvents(store),
  }
}

describe.each(ledgerKinds(() => stores))('a ledger on %s', (_, openPlace) => {
  it(`says what the store said whose journal it replayed, in ${runs(usualRuns)} runs (S1–S4, H1, O1–O3, E1, E3, E4)`, async () => {
    console.log(`HOLDFAST_SEED=${seed}`)
    const clock = manualClock()
    await fc.assert(
      fc.asyncProperty(opening, stepsInMemory, fc.array(fc.integer({ min: 1, max: 25 }), { minLength: 1 }), async (first, steps, sizes) => {
        const source = await sqliteStore({ path: ':memory:', clock })
        await runBoth(first, steps, { clock, open: async () => ({ ...source, close: async () => {} }) })
        const journal = transitionsOf(await readEvents(source))
        const place = await openPlace(clock)
        const ledger = await place.open()
        let position = 0
        for (let from = 0; from < journal.length;) {
          const to = from + sizes[position % sizes.length]!
          const state = await ledger.append(0, position, position + 1, journal.slice(from, to))
          expect(state).toMatchObject({ generation: 0, position: ++position })
          from = to
        }
        expect(await all((query) => ledger.reservations(none, query, clock()))).toEqual(
          await all((query) => source.reservations(none, query)),
        )
        await ledger.close()
        const target = await openForAudit(place)
        expect(await everythingIn(target)).toEqual(await everythingIn(source))
        await expectSound(target)
        await target.close()
        await source.close()
      }),
      { ...parameters, numRuns: runs(usualRuns) },
    )
  })
})
