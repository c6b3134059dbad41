import { describe, expect, it, onTestFinished } from 'vitest'
import { engineScope } from '../../src/domain/facts.ts'
import { Fault, sqliteStore, type BatchReport, type Command, type Store } from '../../src/index.ts'
import { createBatcher, type Batcher, type BatcherOptions, type FaultReport } from '../../src/engine/batcher.ts'
import { adjustStock, confirm, createProduct, key, reserve } from '../../src/store/conformance/kit.ts'
import { manualClock } from '../support/clock.ts'
import { lossyStore, type Loss } from '../support/lossy-store.ts'

async function memoryStore(): Promise<Store> {
  const store = await sqliteStore({ path: ':memory:' })
  onTestFinished(() => store.close())
  await store.execute([createProduct('a', 1_000_000)])
  return store
}

function batcherOn(store: Store, more: Partial<BatcherOptions> = {}): { batcher: Batcher; batches: BatchReport[] } {
  const batches: BatchReport[] = []
  const onBatch = (batch: BatchReport): void => void batches.push(batch)
  return { batcher: createBatcher({ store, queueMax: 100, waitMsMax: 2_000, attemptsMax: 3, onBatch, ...more }), batches }
}

/** A store that takes one batch for each `release`. */
function gated(store: Store): { store: Store; release: () => void; running: () => number } {
  const waiting: (() => void)[] = []
  let released = 0
  let running = 0
  const letThrough = (): void => {
    while (released > 0 && waiting.length > 0) {
      released--
      waiting.shift()?.()
    }
  }
  return {
    store: {
      ...store,
      execute: async (commands, options) => {
        running++
        await new Promise<void>((resolve) => {
          waiting.push(resolve)
          letThrough()
        })
        running--
        return store.execute(commands, options)
      },
    },
    release: () => {
      released++
      letThrough()
    },
    running: () => running,
  }
}

/** After the batch of this turn has been given to the store. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setTimeout(resolve, 0)))

describe('the batcher', () => {
  it('makes one batch of what arrives in one turn, and gives each caller its own answer in order', async () => {
    const { batcher, batches } = batcherOn(await memoryStore())
    const commands = Array.from({ length: 50 }, (_, index) => reserve('ann', { a: index + 1 }))
    const outcomes = await Promise.all(commands.map((command) => batcher.submit(command)))
    expect(outcomes.map((outcome) => outcome.ok && 'items' in outcome.value && outcome.value.items[0]?.quantity)).toEqual(
      commands.map((_, index) => index + 1),
    )
    expect(batches.map((batch) => batch.commands)).toEqual([commands])
    expect(batches[0]?.outcomes).toEqual(outcomes)
    expect(batches[0]?.elapsedMs).toBeGreaterThan(0)
  })

  it('rests when nobody waits', async () => {
    const { batcher, batches } = batcherOn(await memoryStore())
    await batcher.submit(reserve('ann', { a: 1 }))
    for (let turns = 0; turns < 10; turns++) await turn()
    expect(batches.map(({ commands }) => commands.length)).toEqual([1])
    await batcher.close()
  })

  it('has one batch in flight; what arrives meanwhile is the next', async () => {
    const gate = gated(await memoryStore())
    const { batcher, batches } = batcherOn(gate.store)
    const first = batcher.submit(reserve('ann', { a: 1 }))
    await turn()
    const rest = Array.from({ length: 5 }, () => batcher.submit(reserve('ann', { a: 1 })))
    await turn()
    expect([gate.running(), batcher.queueLength]).toEqual([1, 5])
    gate.release()
    await first
    await turn()
    expect([gate.running(), batcher.queueLength]).toEqual([1, 0])
    gate.release()
    await Promise.all(rest)
    expect(batches.map((batch) => batch.commands.length)).toEqual([1, 5])
  })

  it('makes no batch larger than the store takes', async () => {
    const store = await memoryStore()
    const { batcher, batches } = batcherOn({ ...store, batchSizeMax: 4 })
    await Promise.all(Array.from({ length: 10 }, () => batcher.submit(reserve('ann', { a: 1 }))))
    expect(batches.map((batch) => batch.commands.length)).toEqual([4, 4, 2])
  })

  it('refuses with overloaded at once when too many wait, and does nothing of it', async () => {
    const store = await memoryStore()
    const { batcher } = batcherOn(store, { queueMax: 3 })
    const all = await Promise.allSettled(Array.from({ length: 5 }, () => batcher.submit(reserve('ann', { a: 1 }))))
    expect(all.map((one) => (one.status === 'fulfilled' ? 'ok' : (one.reason as Fault).code))).toEqual([
      'ok',
      'ok',
      'ok',
      'overloaded',
      'overloaded',
    ])
    expect((await store.product('a'))?.stock.reserved).toBe(3)
    expect((await batcher.submit(reserve('ann', { a: 1 }))).ok).toBe(true)
  })

  it('keeps room for ends when no more reserves fit', async () => {
    const { batcher } = batcherOn(await memoryStore(), { queueMax: 8 })
    const reserves = Array.from({ length: 9 }, () => batcher.submit(reserve('ann', { a: 1 })))
    const ends = Array.from({ length: 3 }, () => batcher.submit(confirm('nobody')))
    const all = await Promise.allSettled([...reserves, ...ends])
    expect(all.map(({ status }) => status)).toEqual([...Array(8).fill('fulfilled'), 'rejected', 'fulfilled', 'fulfilled', 'rejected'])
    for (const one of all) if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'overloaded' })
  })

  it('isolates the one command that the store cannot take, and answers the others', async () => {
    const store = await memoryStore()
    const { batcher } = batcherOn(store)
    // Half a unit: the schema refuses it, and with it the whole batch.
    const commands: Command[] = Array.from({ length: 13 }, (_, index) =>
      index === 8 ? createProduct('half', 0.5) : reserve('ann', { a: 1 }),
    )
    const all = await Promise.allSettled(commands.map((command) => batcher.submit(command)))
    expect(all.map((one) => one.status)).toEqual(commands.map((_, index) => (index === 8 ? 'rejected' : 'fulfilled')))
    expect((await store.product('a'))?.stock).toMatchObject({ reserved: 12, version: 13 })
    expect(await store.product('half')).toBeNull()
  })

  it.each(['request', 'answer'] as const)('repeats a batch whose %s was lost, with one effect (O4, I5)', async (loss: Loss) => {
    const store = await memoryStore()
    const losses: Loss[] = [loss]
    const { batcher } = batcherOn(lossyStore(store, () => losses.pop() ?? 'nothing'))
    const first = reserve('ann', { a: 2 })
    const lone = reserve('bob', { a: 3 })
    const [made, order, adjusted, second] = await Promise.all([
      batcher.submit(first),
      batcher.submit(confirm(first.id, { orderId: 'o' })),
      batcher.submit(adjustStock('a', 5, { idempotency: key('own', { scope: engineScope }) })),
      batcher.submit(lone),
    ])
    expect(losses).toEqual([])
    expect(made).toMatchObject({ ok: true, created: true, value: { id: first.id, status: 'active' } })
    expect(order).toMatchObject({ ok: true, created: true, value: { id: 'o' } })
    expect(adjusted).toMatchObject({ ok: true, replayed: false, value: { total: 1_000_005 } })
    expect(second).toMatchObject({ ok: true, created: true, value: { id: lone.id } })
    expect((await store.product('a'))?.stock).toMatchObject({ total: 1_000_005, reserved: 3, sold: 2, version: 5 })
  })

  it('gives up after so many attempts, with the fault of the store', async () => {
    const store = await memoryStore()
    let attempts = 0
    const away = lossyStore(store, () => (attempts++, 'request'))
    const { batcher, batches } = batcherOn(away, { attemptsMax: 2 })
    await expect(batcher.submit(reserve('ann', { a: 1 }))).rejects.toMatchObject({ code: 'store_unavailable' })
    expect([attempts, batches]).toEqual([2, []])
  })

  it('does not repeat after another fault', async () => {
    const store = await memoryStore()
    await store.close()
    const { batcher } = batcherOn(store)
    const all = await Promise.allSettled([1, 2, 3].map(() => batcher.submit(reserve('ann', { a: 1 }))))
    expect(all).toMatchObject(all.map(() => ({ status: 'rejected', reason: { code: 'closed' } })))
  })

  it('is not stopped by an observer that throws', async () => {
    const store = await memoryStore()
    const warned = new Promise((resolve) => process.once('warning', resolve))
    const { batcher } = batcherOn(store, {
      onBatch: () => {
        throw new Error('the observer failed')
      },
    })
    const outcomes = await Promise.all([batcher.submit(reserve('ann', { a: 1 })), batcher.submit(reserve('ann', { a: 1 }))])
    expect(outcomes.map((outcome) => outcome.ok)).toEqual([true, true])
    expect((await batcher.submit(reserve('ann', { a: 1 }))).ok).toBe(true)
    expect((await store.product('a'))?.stock.reserved).toBe(3)
    expect(await warned).toMatchObject({ message: 'the observer failed' })
  })

  it('finishes what is queued when it is closed, and takes no more', async () => {
    const store = await memoryStore()
    const gate = gated({ ...store, batchSizeMax: 2 })
    const { batcher } = batcherOn(gate.store)
    const queued = Array.from({ length: 5 }, () => batcher.submit(reserve('ann', { a: 1 })))
    let isClosed = false
    const closing = batcher.close().then(() => (isClosed = true))
    await expect(batcher.submit(reserve('ann', { a: 1 }))).rejects.toMatchObject({ code: 'closed' })
    gate.release()
    gate.release()
    await Promise.all(queued.slice(0, 4))
    expect([isClosed, batcher.queueLength <= 1]).toEqual([false, true])
    gate.release()
    await closing
    expect((await Promise.all(queued)).every((outcome) => outcome.ok)).toBe(true)
    expect((await store.product('a'))?.stock.reserved).toBe(5)
  })
})

describe('the batcher of a slow store', () => {
  /** Takes two commands at a time, and one second for each of them. */
  async function slowBatcher() {
    const clock = manualClock(0)
    const gate = gated({ ...(await memoryStore()), batchSizeMax: 2 })
    const { batcher } = batcherOn(gate.store, { queueMax: 12, waitMsMax: 7_000, now: clock })
    const submitted: Promise<unknown>[] = []
    const refusals: unknown[] = []
    const submit = async (command: Command): Promise<void> => {
      const answer = batcher.submit(command)
      submitted.push(answer.catch((error: unknown) => refusals.push((error as Fault).code)))
      // A refusal comes before the next turn.
      await Promise.resolve()
      await Promise.resolve()
    }
    const settleBatch = async (): Promise<void> => {
      clock.advance(2_000)
      gate.release()
      await turn()
      await turn()
    }
    return { batcher, gate, clock, submit, submitted, refusals, settleBatch }
  }

  it('refuses a reserve that would wait for too long, from half of the queue on; ends still find room', async () => {
    const { batcher, gate, submit, submitted, refusals, settleBatch } = await slowBatcher()
    for (let n = 0; n < 9; n++) await submit(reserve('ann', { a: 1 }))
    // Nobody knows yet how slow it is.
    expect([batcher.queueLength, refusals]).toEqual([9, []])
    await turn()
    await settleBatch()
    expect(batcher.queueLength).toBe(5)
    // Half of the queue is always for everybody.
    await submit(reserve('ann', { a: 1 }))
    // The seventh would wait for six seconds, the eighth for seven, the ninth for eight.
    await submit(reserve('ann', { a: 1 }))
    await submit(reserve('ann', { a: 1 }))
    expect([batcher.queueLength, refusals]).toEqual([8, []])
    await submit(reserve('ann', { a: 1 }))
    await submit(confirm('nobody'))
    expect([batcher.queueLength, refusals]).toEqual([9, ['overloaded']])
    for (let n = 0; n < 10; n++) gate.release()
    await Promise.all(submitted)
    await submit(reserve('ann', { a: 1 }))
    expect([batcher.queueLength, refusals]).toEqual([1, ['overloaded']])
    gate.release()
    await batcher.close()
  })

  it('takes a standstill for slowness', async () => {
    const { batcher, gate, clock, submit, submitted, refusals } = await slowBatcher()
    for (let n = 0; n < 9; n++) await submit(reserve('ann', { a: 1 }))
    await turn()
    expect([gate.running(), batcher.queueLength]).toEqual([1, 7])
    clock.advance(7_000)
    await submit(reserve('ann', { a: 1 }))
    clock.advance(1)
    await submit(reserve('ann', { a: 1 }))
    expect([batcher.queueLength, refusals]).toEqual([8, ['overloaded']])
    for (let n = 0; n < 10; n++) gate.release()
    await Promise.all(submitted)
  })
})

describe('what a store hands over to come later', () => {
  it('is nobody’s when its batch fails after all, and is decided again', async () => {
    const store = await memoryStore()
    let attempts = 0
    const failing: Store = {
      ...store,
      execute: async (commands, options) => {
        if (++attempts > 1) return store.execute(commands, options)
        options?.later?.(0, Promise.reject(new Fault('store_unavailable', 'too late')))
        throw new Fault('store_unavailable', 'away')
      },
    }
    const { batcher } = batcherOn(failing)
    expect(await batcher.submit(reserve('ann', { a: 1 }))).toMatchObject({ ok: true })
  })

  it('is told as a fault, if it fails, of its own command and no other', async () => {
    const store = await memoryStore()
    const failing: Store = {
      ...store,
      execute: async (commands, options) => {
        options?.later?.(1, Promise.reject(new Fault('store_unavailable', 'too late')))
        return store.execute(commands)
      },
    }
    const faults: FaultReport[] = []
    const { batcher, batches } = batcherOn(failing, { onFault: (fault) => faults.push(fault) })
    const commands = [reserve('ann', { a: 1 }), reserve('bob', { a: 1 }), reserve('cem', { a: 1 })]
    const told = await Promise.allSettled(commands.map((command) => batcher.submit(command)))
    expect(told.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    await batcher.close()
    expect(faults).toEqual([{ commands: [commands[1]], code: 'store_unavailable' }])
    expect(batches.flatMap((batch) => batch.commands)).toEqual([commands[0], commands[2]])
  })
})
