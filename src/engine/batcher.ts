import { setTimeout as delay } from 'node:timers/promises'
import type { Command, Outcome } from '../domain/command.ts'
import { Fault, faultCode } from '../domain/faults.ts'
import type { Store } from '../store/port.ts'

export interface BatcherOptions {
  readonly store: Store
  /** Commands that may wait; one more is refused with `overloaded` at once, because answering late is worse than answering no. */
  readonly queueMax: number
  /** How often a batch that met `store_unavailable` is given to the store before its callers hear of it. */
  readonly attemptsMax: number
  readonly onBatch: (batch: BatchReport) => void
}

export interface BatchReport {
  readonly commands: readonly Command[]
  readonly outcomes: readonly Outcome[]
  readonly elapsedMs: number
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
  readonly resolve: (outcome: Outcome) => void
  readonly reject: (error: unknown) => void
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
export function createBatcher({ store, queueMax, attemptsMax, onBatch }: BatcherOptions): Batcher {
  const queue: Waiting[] = []
  let running: Promise<void> | null = null
  let closed = false

  return {
    submit: (command) =>
      new Promise((resolve, reject) => {
        if (closed) return reject(new Fault('closed', 'Holdfast is closed.'))
        if (queue.length >= queueMax) return reject(new Fault('overloaded', `${queueMax} commands are waiting already; try again shortly.`))
        queue.push({ command, resolve, reject })
        running ??= run()
      }),
    get queueLength() {
      return queue.length
    },
    close: async () => {
      closed = true
      await running
    },
  }

  async function run(): Promise<void> {
    while (queue.length > 0) {
      // After everything that is readable now has been read, so that one turn of the event loop is one batch.
      await new Promise(setImmediate)
      const size = batchSize(queue, store.batchSizeMax)
      const batch = queue.splice(0, size)
      await settle(batch, false)
    }
    running = null
  }

  /** Give every caller of the batch its own answer. A batch that the store cannot take for another reason than a fault is halved until the one command at fault stands alone. */
  async function settle(batch: readonly Waiting[], repeat: boolean): Promise<void> {
    const commands = batch.map((waiting) => waiting.command)
    const startedAt = performance.now()
    let outcomes: readonly Outcome[]
    try {
      outcomes = await executeStubbornly(commands, repeat)
    } catch (error) {
      if (faultCode(error) === null && batch.length > 1) {
        const middle = batch.length >> 1
        await settle(batch.slice(0, middle), true)
        await settle(batch.slice(middle), true)
      } else {
        for (const waiting of batch) waiting.reject(error)
      }
      return
    }
    for (let index = 0; index < batch.length; index++) batch[index]!.resolve(outcomes[index]!)
    try {
      onBatch({ commands, outcomes, elapsedMs: performance.now() - startedAt })
    } catch (error) {
      // Whoever watches the batches must not be able to stop them.
      process.emitWarning(error instanceof Error ? error : String(error))
    }
  }

  async function executeStubbornly(commands: readonly Command[], repeat: boolean): Promise<readonly Outcome[]> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await store.execute(commands, { repeat: repeat || attempt > 1 })
      } catch (error) {
        if (faultCode(error) !== 'store_unavailable' || attempt >= attemptsMax) throw error
        await delay(retryDelayMs * attempt * (0.5 + Math.random()))
      }
    }
  }
}
