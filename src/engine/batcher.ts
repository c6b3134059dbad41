import { setTimeout as delay } from 'node:timers/promises'
import type { Command, Outcome } from '../domain/command.ts'
import { Fault, faultCode, type FaultCode } from '../domain/faults.ts'
import type { Store } from '../store/port.ts'
import { createPace } from './pace.ts'

export interface BatcherOptions {
  readonly store: Store
  /**
   * Reserves that may wait; one more is refused with `overloaded` at once, because answering late is worse than answering no. A quarter more is for all other commands:
   * an end frees units or makes an order, and its buyer has come further.
   */
  readonly queueMax: number
  /** From half of `queueMax` on, a reserve that is expected to wait for longer is refused as well. */
  readonly waitMsMax: number
  /** Milliseconds, for measuring how fast the store is. */
  readonly now?: () => number
  /** How often a batch that met `store_unavailable` is given to the store before its callers hear of it. */
  readonly attemptsMax: number
  readonly onBatch: (batch: BatchReport) => void
  readonly onFault?: ((fault: FaultReport) => void) | undefined
}

/** Of the commands of a batch that were settled together: most often all; those that had to reach a ledger first come in a report of their own. */
export interface BatchReport {
  readonly commands: readonly Command[]
  readonly outcomes: readonly Outcome[]
  readonly elapsedMs: number
}

/** Of commands whose callers were told a fault instead of an outcome. */
export interface FaultReport {
  readonly commands: readonly Command[]
  /** `overloaded`: the queue did not take it. Otherwise that of the store; `internal`: a bug. */
  readonly code: FaultCode | 'internal'
}

export interface Batcher {
  /** Resolves with the command's own answer. Throws the faults of the store, `overloaded`, or `closed`. */
  readonly submit: (command: Command) => Promise<Outcome>
  readonly queueLength: number
  /** Finish what is queued and take no more. */
  readonly close: () => Promise<void>
}

interface Waiting {
  readonly command: Command
  readonly resolve: (outcome: Outcome | Promise<Outcome>) => void
  readonly reject: (error: unknown) => void
}

interface Settled {
  readonly command: Command
  readonly outcome: Outcome
}

/** Outcomes by command; of some the caller must wait for the promise. */
interface Executed {
  readonly outcomes: readonly Outcome[]
  readonly laters: ReadonlyMap<number, Promise<Outcome>>
}

const retryDelayMs = 20

/** How many of the first that wait make a batch of at most `linesMax` lines; at least one. Lines, because a cart of twenty costs what ten carts of two do. */
function batchSize(queue: readonly Waiting[], linesMax: number): number {
  let lines = 0
  for (let size = 0; size < queue.length; size++) {
    const { command } = queue[size]!
    lines += command.type === 'reserve' ? command.items.length : 1
    if (lines > linesMax) return Math.max(1, size)
  }
  return queue.length
}

/**
 * One batch in flight; what arrives meanwhile is the next batch. There is no timer: an idle system has batches of one, a busy one
 * pays one commit for hundreds of commands. The idea is that of group commit as in TigerBeetle and AliSQL's statement queue.
 */
export function createBatcher(options: BatcherOptions): Batcher {
  const { store, queueMax, waitMsMax, now = () => performance.now(), attemptsMax, onBatch, onFault = () => {} } = options
  const queue: Waiting[] = []
  const pace = createPace(now)
  let running: Promise<void> | null = null
  /** Batches of which some callers still wait. */
  const unsettled = new Set<Promise<void>>()
  let closed = false

  return {
    submit: (command) =>
      new Promise((resolve, reject) => {
        if (closed) return reject(new Fault('closed', 'Holdfast is closed.'))
        if (isTooMuch(command)) {
          tellFault([command], 'overloaded')
          return reject(new Fault('overloaded', `${queue.length} commands are waiting already; try again shortly.`))
        }
        queue.push({ command, resolve, reject })
        running ??= run()
      }),
    get queueLength() {
      return queue.length
    },
    close: async () => {
      closed = true
      await running
      await Promise.all(unsettled)
    },
  }

  function isTooMuch({ type }: Command): boolean {
    const waiting = queue.length
    if (type !== 'reserve') return waiting >= queueMax * 1.25
    return waiting >= queueMax || (waiting >= queueMax / 2 && pace.expectedWaitMs(waiting) > waitMsMax)
  }

  async function run(): Promise<void> {
    const inFlight = new Set<Promise<void>>()
    while (queue.length > 0 || inFlight.size > 0) {
      // After everything that is readable now has been read, so that one turn of the event loop is one batch.
      await new Promise(setImmediate)
      const size = batchSize(queue, store.batchSizeMax)
      // Beside others only a full one: what arrives meanwhile makes the next batch larger.
      const isFull = size < queue.length
      // What was in flight may have ended in this turn, and nobody come since.
      const mayBegin = size > 0 && (inFlight.size === 0 || (isFull && inFlight.size < (store.batchesInFlightMax ?? 1)))
      if (mayBegin) {
        const end = pace.begin(size, isFull)
        const settling = settle(queue.splice(0, size), false).finally(() => {
          end()
          inFlight.delete(settling)
        })
        inFlight.add(settling)
      } else if (inFlight.size > 0) {
        await Promise.race(inFlight)
      }
    }
    running = null
  }

  /** Give every caller of the batch its own answer. A batch that the store cannot take for another reason than a fault is halved until the one command at fault stands alone. */
  async function settle(batch: readonly Waiting[], repeat: boolean): Promise<void> {
    const commands = batch.map((waiting) => waiting.command)
    const startedAt = performance.now()
    let executed: Executed
    try {
      executed = await executeStubbornly(commands, repeat)
    } catch (error) {
      if (faultCode(error) === null && batch.length > 1) {
        const middle = batch.length >> 1
        await settle(batch.slice(0, middle), true)
        await settle(batch.slice(middle), true)
      } else {
        for (const waiting of batch) waiting.reject(error)
        tellFault(commands, faultCode(error) ?? 'internal')
      }
      return
    }
    const { outcomes, laters } = executed
    const atOnce: Settled[] = []
    const soon: Promise<Settled>[] = []
    const late: Command[] = []
    for (let index = 0; index < batch.length; index++) {
      const { command, resolve } = batch[index]!
      const later = laters.get(index)
      resolve(later ?? outcomes[index]!)
      if (later === undefined) atOnce.push({ command, outcome: outcomes[index]! })
      else {
        soon.push(later.then((outcome) => ({ command, outcome })))
        late.push(command)
      }
    }
    report(atOnce, startedAt)
    if (soon.length === 0) return
    const reporting = reportLater(soon, late, startedAt).finally(() => unsettled.delete(reporting))
    unsettled.add(reporting)
  }

  /** Whoever waits for them hears what failed. */
  async function reportLater(soon: readonly Promise<Settled>[], commands: readonly Command[], startedAt: number): Promise<void> {
    const settled: Settled[] = []
    for (const [index, result] of (await Promise.allSettled(soon)).entries()) {
      if (result.status === 'fulfilled') settled.push(result.value)
      else tellFault([commands[index]!], faultCode(result.reason) ?? 'internal')
    }
    report(settled, startedAt)
  }

  function report(settled: readonly Settled[], startedAt: number): void {
    if (settled.length === 0) return
    const [commands, outcomes] = [settled.map(({ command }) => command), settled.map(({ outcome }) => outcome)]
    tell(() => onBatch({ commands, outcomes, elapsedMs: performance.now() - startedAt }))
  }

  function tellFault(commands: readonly Command[], code: FaultReport['code']): void {
    tell(() => onFault({ commands, code }))
  }

  /** Whoever watches the batches must not be able to stop them. */
  function tell(work: () => void): void {
    try {
      work()
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : String(error))
    }
  }

  async function executeStubbornly(commands: readonly Command[], repeat: boolean): Promise<Executed> {
    for (let attempt = 1; ; attempt++) {
      const laters = new Map<number, Promise<Outcome>>()
      try {
        const later = (index: number, outcome: Promise<Outcome>): void => {
          laters.set(index, outcome)
          // If the batch fails after this, nobody waits for it.
          outcome.catch(() => {})
        }
        return { outcomes: await store.execute(commands, { repeat: repeat || attempt > 1, later }), laters }
      } catch (error) {
        if (faultCode(error) !== 'store_unavailable' || attempt >= attemptsMax) throw error
        await delay(retryDelayMs * attempt * (0.5 + Math.random()))
      }
    }
  }
}
