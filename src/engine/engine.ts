import type { Command, Outcome, OutcomeOf } from '../domain/command.ts'
import type { Reservation } from '../domain/reservation.ts'
import type { Store } from '../store/port.ts'
import { createBatcher, type BatchReport, type FaultReport } from './batcher.ts'
import { createExpiry, type Sweep } from './expiry.ts'
import { createFeed, type Feed } from './feed.ts'
import { createGiveWay, type GiveWay } from './give-way.ts'
import { startRetention, type KeepOptions } from './retention.ts'
import { withUserSlot } from './slots.ts'

export interface EngineOptions {
  readonly store: Store
  /** Reserves that may wait for the store before more are refused with `overloaded`; default 20,000. A quarter more of all other commands may. */
  readonly queueMax?: number
  /** From half of `queueMax` on, a reserve that is expected to wait for longer is refused as well; default 2,000. */
  readonly waitMsMax?: number | undefined
  /** How often a batch is given to a store that answers `store_unavailable`. */
  readonly attemptsMax?: number
  /** How many active reservations a user may have at once; left out: any number. One that is due does not count. */
  readonly activePerUserMax?: number | undefined
  /** `timer`: due reservations are given back at their time. `manual`: only by `sweep()` and by batches that need the units. */
  readonly expiry?: 'timer' | 'manual'
  /** Remove what is older; left out: everything is kept for ever. */
  readonly keep?: KeepOptions | undefined
  readonly onBatch?: (batch: BatchReport) => void
  /** For whoever watches: a command that is about to be queued; commands whose callers heard a fault; what the timer gave back. */
  readonly onSubmit?: ((command: Command) => void) | undefined
  readonly onFault?: ((fault: FaultReport) => void) | undefined
  readonly onSweep?: ((sweep: Sweep) => void) | undefined
  /** When those who follow the feed must wait; default: while batches are decided and this process has no time left. */
  readonly giveWay?: GiveWay
}

/** Commands in, outcomes out: queue, batches, retries, the expiry timer and the feed over one store. It never asks which store it has. */
export interface Engine {
  readonly store: Store
  /** For commands that are checked already. Throws the faults of the store, `overloaded`, or `closed`. */
  readonly submit: <C extends Command>(command: C) => Promise<OutcomeOf<C>>
  readonly sweep: () => Promise<number>
  readonly follow: Feed['follow']
  readonly onChange: Feed['onChange']
  readonly readInTurn: Feed['readInTurn']
  readonly queueLength: number
  /** Take no more, finish what is queued, close the store. Safe to repeat. */
  readonly close: () => Promise<void>
}

export function createEngine(options: EngineOptions): Engine {
  const {
    store,
    queueMax = 20_000,
    waitMsMax = 2_000,
    attemptsMax = 3,
    activePerUserMax,
    expiry = 'timer',
    keep,
    onBatch,
    onSubmit,
    onFault,
    onSweep,
    giveWay = createGiveWay(),
  } = options
  const batcher = createBatcher({ store, queueMax, waitMsMax, attemptsMax, onBatch: afterBatch, onFault })
  const submit =
    onSubmit === undefined
      ? batcher.submit
      : (command: Command): Promise<Outcome> => {
          onSubmit(command)
          return batcher.submit(command)
        }
  const sweeper = createExpiry({ store, submit: batcher.submit, onSweep })
  const feed = createFeed(store, giveWay)
  if (expiry === 'timer') sweeper.start()
  store.onOthers?.(() => {
    feed.wake()
    if (expiry === 'timer') sweeper.look()
  })
  const isKeepingAll = keep === undefined || store.retention === undefined
  const stopRetention = isKeepingAll ? null : startRetention({ retention: store.retention, keep, isBusy: () => batcher.queueLength > 0 })
  let closing: Promise<void> | null = null

  return {
    store,
    submit: (activePerUserMax === undefined
      ? submit
      : (command: Command) => submit(withUserSlot(command, activePerUserMax))) as Engine['submit'],
    sweep: sweeper.sweep,
    follow: feed.follow,
    onChange: feed.onChange,
    readInTurn: feed.readInTurn,
    get queueLength() {
      return batcher.queueLength
    },
    close: () => (closing ??= close()),
  }

  function afterBatch(batch: BatchReport): void {
    if (expiry === 'timer') {
      const dueInMs = soonestDueInMs(batch.commands, batch.outcomes)
      if (dueInMs !== null) sweeper.notice(dueInMs)
    }
    giveWay.onBatch()
    feed.wake()
    onBatch?.(batch)
  }

  async function close(): Promise<void> {
    sweeper.close()
    const stopped = stopRetention?.()
    await batcher.close()
    await stopped
    feed.close()
    await store.close()
  }
}

function soonestDueInMs(commands: readonly Command[], outcomes: readonly Outcome[]): number | null {
  let soonest: number | null = null
  for (let index = 0; index < commands.length; index++) {
    const outcome = outcomes[index]!
    const type = commands[index]!.type
    if (!outcome.ok || (type !== 'reserve' && type !== 'extend')) continue
    const { expiresInMs } = outcome.value as Reservation
    if (soonest === null || expiresInMs < soonest) soonest = expiresInMs
  }
  return soonest
}
