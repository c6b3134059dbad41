import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { faultCode } from '../../src/domain/faults.ts'
import { createHoldfast, type Holdfast, type Store } from '../../src/index.ts'
import type { ManualClock } from '../support/clock.ts'
import { seed } from '../support/random.ts'
import { expectSound } from '../support/sound.ts'
import { compareAnswer, compareEvents, compareLists, compareStock, type Progress } from './compare.ts'
import { Model } from './model.ts'
import { send, type Answer, type Call, type Request } from './requests.ts'
import { base, type OneStep, type Opening, type Step, type WriteStep } from './steps.ts'

export const parameters = {
  seed,
  // A mutant has to be caught, not to be explained by the smallest example.
  endOnFailure: process.env['HOLDFAST_MUTANT'] !== undefined,
}

export interface RunOptions {
  readonly clock: ManualClock
  /** Opens the store; again for every step `reopen`. */
  readonly open: () => Promise<Store>
  /** For every step `lose`: takes away what the store has only in memory. */
  readonly lose?: () => Promise<void>
  /** The store may lose an answer after the commit; then `replayed` may be true for the first that is heard. */
  readonly isLossy?: boolean
  /** Told every answer, to count the interesting ones. */
  readonly onAnswer?: (request: Request, answer: Answer) => void
}

/** Does the steps with Holdfast and with the model, and throws at the first answer, read or event in which they differ. */
export async function runBoth(
  opening: Opening,
  steps: readonly Step[],
  { clock, open, lose, isLossy = false, onAnswer }: RunOptions,
): Promise<void> {
  clock.set(base)
  // In half of the runs.
  const activePerUserMax = opening[0].name === 'one' ? 3 : undefined
  const model = new Model(activePerUserMax)
  const progress: Progress = { versions: new Map(), settled: new Set(), ids: new Set() }
  let store = await open()
  let batches: number[] = []
  const start = (): Holdfast =>
    createHoldfast({
      store: counting(store, (size) => batches.push(size)),
      expiry: 'manual',
      ...(activePerUserMax !== undefined && { activePerUserMax }),
    })
  let shop = start()
  try {
    for (const input of opening) await takeTurn([{ call: { verb: 'createProduct', input }, key: null }])
    for (const step of steps) {
      if ('turn' in step) await takeTurn(step.turn.flatMap((one) => resolve(model, one)))
      else if ('lists' in step) await compareLists(shop, model, clock(), step.lists)
      else if ('byMs' in step) clock.advance(step.byMs)
      else if ('toExpiryOf' in step) goToExpiry(model, clock, step.toExpiryOf, step.offsetMs)
      else if ('lose' in step) await loseMemory()
      else await reopen()
      model.expire(clock())
      await compareStock(shop, model, progress)
    }
    await takeTurn(['sweep'])
    await compareStock(shop, model, progress)
    await compareLists(shop, model, clock(), { limit: 200, userId: null, sku: null, status: null })
    await compareEvents(shop, model)
    await expectSound(store)
  } finally {
    await shop.close()
  }

  async function reopen(): Promise<void> {
    await shop.close()
    store = await open()
    shop = start()
  }

  /** Nothing vanishes, because whoever reads lists waits until everything is in the ledger. */
  async function loseMemory(): Promise<void> {
    await shop.reservations({ limit: 1 })
    await lose?.()
    await available(() => shop.product('a'))
    model.lose(clock())
    for (const { id, status } of model.reservations) if (status === 'expired') progress.settled.add(id)
  }

  /** Everything is submitted before anything is answered: one batch. */
  async function takeTurn(turn: readonly (Request | 'sweep')[]): Promise<void> {
    const now = clock()
    batches = []
    const answers = await Promise.all(turn.map((one) => (one === 'sweep' ? shop.sweep() : send(shop, one))))
    for (const [index, one] of turn.entries()) {
      const answer = answers[index]!
      model.expire(now)
      if (typeof answer === 'number' || one === 'sweep') {
        const due = model.reservations.filter(({ id, status }) => status === 'expired' && !progress.settled.has(id))
        assert.ok(typeof answer === 'number' && answer <= due.length, `a sweep gives back more than the ${due.length} that are due`)
      } else {
        compareAnswer(model, progress, one, now, answer, isLossy)
        onAnswer?.(one, answer)
      }
    }
    if (turn.includes('sweep')) {
      for (const { id, status } of model.reservations) if (status === 'expired') progress.settled.add(id)
    }
    // One that meets a fault is repeated as it was.
    assert.deepEqual(
      [...new Set(batches)],
      turn.length === 0 ? [] : [turn.length],
      'what is submitted in one turn is one batch, and no batch has to be split',
    )
  }
}

/** The store, telling how many commands it is given at a time. */
function counting(store: Store, onBatch: (size: number) => void): Store {
  return {
    ...store,
    execute: (commands, options) => {
      onBatch(commands.length)
      return store.execute(commands, options)
    },
  }
}

async function available(read: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await read()
      return
    } catch (error) {
      if (faultCode(error) !== 'store_unavailable') throw error
      await delay(1)
    }
  }
}

function goToExpiry(model: Model, clock: ManualClock, which: number, offsetMs: number): void {
  const active = model.reservations.filter(({ status }) => status === 'active')
  const chosen = active.at(-1 - (which % Math.max(1, active.length)))
  if (chosen !== undefined) clock.set(Math.max(clock(), chosen.expiresAt + offsetMs))
}

/** The step with the ids that its numbers mean at this moment. */
function resolve(model: Model, one: OneStep): (Request | 'sweep')[] {
  if ('sweep' in one) return ['sweep']
  if ('repeat' in one) {
    const earlier = model.remembered.at(-1 - (one.repeat % Math.max(1, model.remembered.length)))
    return earlier === undefined ? [] : [earlier.request]
  }
  const request: Request = { call: resolveCall(model, one.write), key: one.key }
  return Array.from({ length: one.copies }, () => request)
}

function resolveCall(model: Model, write: WriteStep): Call {
  switch (write.verb) {
    case 'createProduct':
      return write
    case 'updateProduct':
      return { verb: write.verb, id: write.sku, input: write.input }
    case 'adjustStock':
      return { verb: write.verb, id: write.sku, input: { delta: write.delta } }
    case 'reserve': {
      const { userId, items, ttlSeconds, metadata } = write
      return { verb: write.verb, input: { userId, items, ...(ttlSeconds && { ttlSeconds }), ...(metadata && { metadata }) } }
    }
    case 'cancelOrder': {
      const id = nth(model.orders, write.which)?.id ?? 'unknown'
      return { verb: write.verb, id, input: write.reason === undefined ? {} : { reason: write.reason } }
    }
    case 'confirm':
    case 'cancel':
    case 'extend': {
      const reservation = nth(model.reservations, write.which)
      const id = reservation?.id ?? 'unknown'
      const named = write.owner === 'nobody' ? {} : { userId: write.owner === 'owner' ? (reservation?.userId ?? 'u1') : 'somebody' }
      if (write.verb === 'cancel') return { verb: write.verb, id, input: named }
      if (write.verb === 'extend') return { verb: write.verb, id, input: { ...named, ttlSeconds: write.ttlSeconds } }
      return { verb: write.verb, id, input: { ...named, ...(write.metadata && { metadata: write.metadata }) } }
    }
  }
}

/** The newest first; -1 is none. */
function nth<Row>(rows: readonly Row[], which: number): Row | undefined {
  return which < 0 || rows.length === 0 ? undefined : rows.at(-1 - (which % rows.length))
}
