import { setTimeout as delay } from 'node:timers/promises'
import { Fault, faultCode } from '../../domain/faults.ts'
import type { Ledger, LedgerState } from '../ledger.ts'
import { readJournal, type Passage } from './journal.ts'
import type { Memory } from './memory.ts'

export interface Drain {
  /**
   * Resolves when the ledger has the journal of this generation up to this position. Throws `store_unavailable` when that takes too long, or another generation has begun; the
   * ledger may have it even so, or get it later.
   */
  readonly through: (generation: number, position: number) => Promise<void>
  /** Resolves with the time, by the store's clock, when the ledger has all that was decided before. A reader has more patience than a sale. */
  readonly catchUp: (patience: 'sale' | 'reading') => Promise<number>
  /** The journal of this generation has grown to this position. */
  readonly notice: (generation: number, position: number) => void
  /** Where the journal of this generation ended when it was seen last. */
  readonly seen: () => number
  /** Bring what is there to the ledger, if that answers and it does not take long, and stop. */
  readonly close: () => Promise<void>
}

export interface DrainOptions {
  readonly memory: Memory
  readonly ledger: Ledger
  /** How long a sale waits for the ledger. */
  readonly saleMsMax: number
  readonly pendingMax: number
  /** Whether anything was decided lately. */
  readonly isBusy: () => boolean
}

interface Waiter {
  readonly generation: number
  readonly position: number
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Transitions in one transaction of the ledger. */
const passageSize = 1_000
/** While others wait for Redis: a ledger in this process keeps them waiting. */
const shortPassageSize = 200
const retryMsMax = 500
const readingMsMax = 60_000
const closeMsMax = 2_000
const shareMin = 0.1
const napMs = 5

/**
 * Brings the journal from Redis to the ledger, whoever wrote it: any node may, at any time, because the ledger takes each batch once and in order. While somebody waits, as fast as
 * it goes; else in what time the others leave.
 */
export function createDrain({ memory, ledger, saleMsMax, pendingMax, isBusy }: DrainOptions): Drain {
  let waiters: Waiter[] = []
  /** The ledger has this much of the journal; as far as is known, the journal is so long. */
  let reached = 0
  let grown = 0
  /** Transitions that wait, when it was looked last. */
  let pending = 0
  let running: Promise<void> | null = null
  let wake: (() => void) | null = null
  let closing = false
  let stopped = false
  let lastFailure: unknown

  memory.onChange(() => {
    reached = 0
    grown = 0
    for (const waiter of waiters.slice()) if (waiter.generation !== memory.generation) waiter.reject(overFault())
  })

  /** Positions of one generation mean nothing in the next. */
  const check = (generation: number): void => {
    if (generation !== memory.generation) throw overFault()
  }

  const start = (): void => {
    wake?.()
    running ??= run().finally(() => {
      running = null
      if (!closing && (waiters.length > 0 || grown > reached)) start()
    })
  }

  const run = async (): Promise<void> => {
    let failures = 0
    while (!stopped && (waiters.length > 0 || grown > reached)) {
      const startedAt = performance.now()
      try {
        await step()
        failures = 0
        settle()
        if (waiters.length === 0 && grown > reached && !closing) await pause(performance.now() - startedAt)
      } catch (error) {
        if (closing) return
        lastFailure = error
        await delay(Math.min(retryMsMax, 10 * 2 ** Math.min(failures++, 10)))
      }
    }
  }

  /**
   * Nobody waits for the ledger, so those go first who wait for Redis: of the time this takes a tenth, and more when the journal is more than half full; all of it as soon as there is
   * nothing else to do.
   */
  const pause = async (elapsedMs: number): Promise<void> => {
    const share = Math.min(1, Math.max(shareMin, (2 * pending) / pendingMax - 1))
    const until = performance.now() + elapsedMs * (1 / share - 1)
    while (performance.now() < until && isBusy() && waiters.length === 0 && !closing) await nap()
  }

  const nap = (): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, napMs)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })

  const step = async (): Promise<void> => {
    const { generation } = memory
    try {
      await pass(generation)
    } catch (error) {
      // What the ledger rejects today it will reject tomorrow. Anything else may be the ledger's own trouble, which is no reason to end reservations.
      if (faultCode(error) === 'journal_rejected') memory.lose(generation, 'broken', String(error))
      throw error
    }
  }

  /** The first part of the journal to the ledger, and out of Redis. After every wait it looks whether the generation is still the same. */
  const pass = async (generation: number): Promise<void> => {
    const size = isBusy() && waiters.length === 0 ? shortPassageSize : passageSize
    const reply = (await memory.run('holdfastRead', ['journal', size])) as [number, number, number, number, ...string[]]
    check(generation)
    const [, base, head, waiting, ...batches] = reply
    pending = waiting
    grown = Math.max(grown, head)
    if (batches.length === 0) {
      reached = Math.max(reached, base)
      grown = reached
      return
    }
    const passage = readOrReject(batches)
    const state = await ledger.append(generation, base, base + batches.length, passage.transitions, passage.mark)
    check(generation)
    if (state.generation > generation) memory.lose(generation, 'over', `the ledger is of generation ${state.generation}`)
    if (state.generation !== generation) throw overFault()
    if (state.position < base) {
      throw new Fault(
        'store_unavailable',
        `The ledger is an older copy: it ends at ${state.position}, and it had reached ${base} of this generation. Bring back the one that was in use.`,
      )
    }
    await trim(base, state, batches, passage)
    check(generation)
    reached = Math.max(reached, state.position)
  }

  /**
   * Forget the first of these batches: most often all of them, but somebody else may have brought some to the ledger, and died before it forgot them. The script compares first
   * whether what the ledger has is this journal at all, so nobody is told before that the ledger has what they wait for.
   */
  const trim = async (base: number, { position, mark }: LedgerState, batches: readonly string[], all: Passage): Promise<void> => {
    const count = Math.min(position - base, batches.length)
    const { transitions, ended, cancelledOrders } = count === batches.length ? all : readJournal(batches.slice(0, count))
    const forgotten = [transitions.length, ended.length, ...ended, ...cancelledOrders]
    await memory.run('holdfastTrim', [base, base + count, position, mark, ...forgotten])
  }

  const settle = (): void => {
    for (const waiter of waiters.slice()) if (waiter.position <= reached) waiter.resolve()
  }

  const wait = (position: number, waitMsMax: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const end = (finish: () => void): void => {
        clearTimeout(timer)
        waiters = waiters.filter((one) => one !== waiter)
        finish()
      }
      const timer = setTimeout(() => {
        end(() =>
          reject(new Fault('store_unavailable', `The ledger has not taken this within ${waitMsMax} ms; it may still do so.`, lastFailure)),
        )
      }, waitMsMax)
      const waiter: Waiter = {
        generation: memory.generation,
        position,
        resolve: () => end(resolve),
        reject: (error) => end(() => reject(error)),
      }
      waiters.push(waiter)
      start()
    })

  const through = async (generation: number, position: number, waitMsMax: number): Promise<void> => {
    check(generation)
    if (position > reached) await wait(position, waitMsMax)
  }

  return {
    through: (generation, position) => through(generation, position, saleMsMax),
    catchUp: async (patience) => {
      const { generation } = memory
      const [now, , head] = (await memory.run('holdfastRead', ['position'])) as [number, number, number]
      await through(generation, head, patience === 'sale' ? saleMsMax : readingMsMax)
      return now
    },
    notice: (generation, position) => {
      if (generation !== memory.generation || position <= grown) return
      grown = position
      if (running === null && !closing) start()
    },
    seen: () => Math.max(grown, reached),
    close: async () => {
      closing = true
      wake?.()
      // What is left then is safe in the journal; whoever comes next takes it to the ledger.
      await Promise.race([running, delay(closeMsMax)])
      stopped = true
    },
  }
}

/** A journal that cannot be read is damaged. */
function readOrReject(batches: readonly string[]): Passage {
  try {
    return readJournal(batches)
  } catch (error) {
    throw new Fault('journal_rejected', `The journal cannot be read: ${String(error)}`, error)
  }
}

function overFault(): Fault {
  return new Fault('store_unavailable', 'Redis lost its memory, perhaps before the ledger had this; another generation has begun.')
}
