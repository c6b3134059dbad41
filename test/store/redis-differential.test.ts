import assert from 'node:assert/strict'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, it } from 'vitest'
import type { Command, Outcome } from '../../src/domain/command.ts'
import { sqliteStore, type Page, type Store } from '../../src/index.ts'
import { expire, readEvents } from '../../src/store/conformance/kit.ts'
import { sqliteLedger } from '../../src/store/sqlite/ledger.ts'
import { parameters } from '../model/run.ts'
import { manualClock } from '../support/clock.ts'
import { holdable } from '../support/held-ledger.ts'
import { runs, seed } from '../support/random.ts'
import { skipRedis } from '../support/redis-server.ts'
import { createRedisStores, type RedisStores } from '../support/redis-stores.ts'
import { createSometimes } from '../support/sometimes.ts'
import { smallest } from '../support/smallest.ts'
import { Knowing, opening, plannedSteps, slotNames, type AnyStep, type Step } from './plans.ts'

const usualRuns = 60
/** A failure must be told before the test times out. */
const explainMsMax = 60_000

describe.skipIf(skipRedis)('the store in Redis beside decide(), which the SQLite store runs', () => {
  let stores: RedisStores
  console.log(`HOLDFAST_SEED=${seed}`)

  beforeAll(async () => {
    stores = await createRedisStores()
  })

  afterAll(() => stores.remove())

  it(`answers the same in ${runs(usualRuns)} runs, whichever due reservations each gives back (S9, H4–H6, U1)`, () =>
    forAll((steps, done) => compare(stores, steps, done, { isSwept: false })))

  it(`decides, reads and records the same in ${runs(usualRuns)} runs, where what is due is given back at once (S1–S5, H1–H5, H7, H8, O1–O5, I1–I3, U1, E1, E3)`, async () => {
    const sometimes = createSometimes(cases)
    const onOutcome = (command: Command, outcome: Outcome): void => sometimes.hit(caseOf(command, outcome))
    await forAll((steps, done) => compare(stores, steps, done, { isSwept: true, onOutcome }))
    if (runs(usualRuns) === usualRuns) sometimes.expectAll('differential')
  })
})

type Property = (steps: readonly AnyStep[], done: Step[]) => Promise<void>

async function forAll(property: Property): Promise<void> {
  for (const [first, then] of fc.sample(fc.tuple(opening, plannedSteps), { seed, numRuns: runs(usualRuns) })) {
    const done: Step[] = []
    const failure = await failureOf(property, [{ batch: first, held: false }, ...then], done)
    if (failure !== null) throw parameters.endOnFailure ? failure : await explain(property, done)
  }
}

async function failureOf(property: Property, steps: readonly AnyStep[], done: Step[] = []): Promise<Error | null> {
  try {
    await property(steps, done)
    return null
  } catch (error) {
    return error as Error
  }
}

/** The failure of a small part of the steps, with the very commands. */
async function explain(property: Property, steps: readonly Step[]): Promise<Error> {
  const startedAt = performance.now()
  const isOver = (): boolean => performance.now() - startedAt > explainMsMax
  const fails = async (fewer: readonly Step[]): Promise<boolean> => (await failureOf(property, fewer)) !== null
  let few = await smallest(steps, fails, isOver)
  for (const [at, step] of few.entries()) {
    if (!('commands' in step)) continue
    const withFewer = (commands: readonly Command[]): readonly Step[] => few.with(at, { ...step, commands })
    few = withFewer(await smallest(step.commands, (commands) => fails(withFewer(commands)), isOver))
  }
  const failure = await failureOf(property, few)
  const lines = few.map((step) => `  ${JSON.stringify(step)}`)
  return new Error(`HOLDFAST_SEED=${seed}. These steps fail:\n${lines.join('\n')}\n${failure?.message ?? 'but not always'}`, {
    cause: failure,
  })
}

interface CompareOptions {
  /** After each step of the clock both give back what is due. Otherwise each chooses, and what depends on that is not compared: versions, events, how many were given back. */
  readonly isSwept: boolean
  readonly onOutcome?: (command: Command, outcome: Outcome) => void
}

async function compare(
  stores: RedisStores,
  steps: readonly AnyStep[],
  done: Step[],
  { isSwept, onOutcome }: CompareOptions,
): Promise<void> {
  const clock = manualClock()
  const { ledger, hold, release } = holdable(await sqliteLedger({ path: ':memory:', clock }))
  const redis = await stores.openAt(stores.newNamespace(), ledger, clock)
  const sqlite = await sqliteStore({ path: ':memory:', clock })
  const shown = isSwept ? (value: unknown): unknown => value : withoutChoice
  const knowing = new Knowing(clock)

  const execute = async (commands: readonly Command[], repeat: boolean): Promise<void> => {
    const expected = await sqlite.execute(commands, { repeat })
    const outcomes = await redis.execute(commands, { repeat })
    for (const [index, outcome] of outcomes.entries()) {
      const command = commands[index]!
      assert.deepStrictEqual(shown(outcome), shown(expected[index]), `answer to ${JSON.stringify(command)}`)
      knowing.hear(command, outcome)
      onOutcome?.(command, outcome)
    }
  }

  try {
    for (const planned of steps) {
      const step = knowing.resolve(planned)
      done.push(step)
      if ('at' in step) {
        clock.set(step.at)
        if (isSwept) await execute([expire(1_000)], false)
      } else {
        const isHeld = step.held && step.commands.every((command) => knowing.isAnsweredAtOnce(command))
        if (isHeld) hold()
        else release()
        await execute(step.commands, step.repeat)
        if (!isHeld) await catchUp(redis)
      }
      const slot = slotNames[done.length % slotNames.length]!
      await compareReads(redis, sqlite, { reservations: knowing.reservations, slot }, shown)
    }
    release()
    await execute([expire(1_000)], false)
    await compareLists(redis, sqlite, shown)
    if (isSwept) assert.deepStrictEqual(await readEvents(redis), await readEvents(sqlite))
  } finally {
    release()
    await Promise.all([redis.close(), sqlite.close()])
  }
}

/** Whoever reads orders waits for the ledger. */
async function catchUp(store: Store): Promise<void> {
  await store.orders({ userId: null }, { limit: 1, cursor: null })
}

type Shown = (value: unknown) => unknown

/** Without what depends on which due reservations have been given back. */
function withoutChoice(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (name, inner: unknown) => (name === 'version' || name === 'expired' ? 0 : inner)))
}

async function compareReads(
  redis: Store,
  sqlite: Store,
  { reservations, slot }: { readonly reservations: readonly { readonly id: string }[]; readonly slot: string },
  shown: Shown,
): Promise<void> {
  const query = { limit: 100, cursor: null }
  assert.deepStrictEqual(shown(await redis.products(query)), shown(await sqlite.products(query)), 'products')
  const filter = { userId: null, sku: null, status: null, slot }
  assert.deepStrictEqual(await redis.reservations(filter, query), await sqlite.reservations(filter, query), `slot ${slot}`)
  for (const { id } of reservations.slice(-3)) assert.deepStrictEqual(await redis.reservation(id), await sqlite.reservation(id))
}

async function compareLists(redis: Store, sqlite: Store, shown: Shown): Promise<void> {
  const all = { userId: null, sku: null, status: null }
  for (const read of [
    (store: Store) => allPages((cursor) => store.reservations(all, { limit: 100, cursor })),
    (store: Store) => allPages((cursor) => store.orders({ userId: null }, { limit: 100, cursor })),
    (store: Store) => allPages((cursor) => store.products({ limit: 3, cursor })),
    (store: Store) => store.nextDueInMs(),
  ]) {
    assert.deepStrictEqual(shown(await read(redis)), shown(await read(sqlite)))
  }
}

async function allPages<Item>(read: (cursor: string | null) => Promise<Page<Item>>): Promise<Item[]> {
  const all: Item[] = []
  for (let cursor: string | null = null; ;) {
    const page: Page<Item> = await read(cursor)
    all.push(...page.data)
    if (page.nextCursor === null) return all
    cursor = page.nextCursor
  }
}

const verbs = ['reserve', 'confirm', 'cancel', 'extend', 'expire', 'createProduct', 'updateProduct', 'adjustStock', 'cancelOrder'] as const
const refusals = [
  'validation_failed',
  'product_not_found',
  'product_exists',
  'reservation_not_found',
  'order_not_found',
  'not_owner',
  'sale_not_started',
  'sale_ended',
  'user_limit_exceeded',
  'reservation_limit_exceeded',
  'insufficient_stock',
  'reservation_confirmed',
  'reservation_cancelled',
  'reservation_expired',
  'order_cancelled',
  'stock_below_committed',
  'idempotency_key_reused',
] as const
const cases = [...verbs, ...verbs.filter((verb) => verb !== 'expire').map((verb) => `${verb} replayed` as const), ...refusals]

function caseOf({ type }: Command, outcome: Outcome): (typeof cases)[number] {
  if (!outcome.ok) return outcome.refusal.code as (typeof refusals)[number]
  return outcome.replayed ? (`${type} replayed` as (typeof cases)[number]) : type
}
