import { setTimeout as delay } from 'node:timers/promises'
import { faultCode } from '../domain/faults.ts'
import { idempotencyWindowMs } from '../domain/limits.ts'
import type { Retention } from '../store/port.ts'

/** How long what is over is kept, at least; null: for ever. */
export interface KeepOptions {
  /** Events, an hour at least; default 30 days. */
  readonly eventsMs?: number | null
  /** Reservations that ended without an order, since they ended; default 90 days. They stay as long as an event tells of them. */
  readonly reservationsMs?: number | null
  /** Answers under idempotency keys; default and at least 24 hours, for which they are given again. */
  readonly answersMs?: number | null
}

const dayMs = 24 * 60 * 60 * 1_000
export const keepDefaults = { eventsMs: 30 * dayMs, reservationsMs: 90 * dayMs, answersMs: idempotencyWindowMs }

/** Time as an argument, so that no test waits for it. */
export interface RetentionTime {
  /** Milliseconds that never go back. */
  readonly ticks: () => number
  /** Resolves early, and without an error, when the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
}

const realTime: RetentionTime = {
  ticks: () => performance.now(),
  sleep: (ms, signal) => delay(ms, undefined, { signal, ref: false }).catch(() => {}),
}

export interface RetentionOptions {
  readonly retention: Pick<Retention, 'prune'>
  readonly keep: KeepOptions
  /** Whether commands wait for the store. */
  readonly isBusy: () => boolean
  readonly time?: RetentionTime
  /** Told what is no fault of the store; by default a warning of the process. */
  readonly report?: (error: unknown) => void
}

/** How often it looks whether anything has become old enough. */
const lookMs = 60_000
/** So many things in one step: a few milliseconds of a store that works on the calling thread. */
const stepSize = 256
/** Steps take this part of the time at most: what is over can wait, and a sale cannot. */
const busyShare = 0.05
const pauseMsMin = 10
/** While commands wait, it looks again so often. */
const giveWayMs = 20

/** Removes what is over, in small steps with pauses between them, and none while commands wait. The function that comes back ends it, after the step that has begun. */
export function startRetention(options: RetentionOptions): () => Promise<void> {
  const { retention, keep, isBusy, time = realTime, report = (error) => process.emitWarning(error as Error) } = options
  const { eventsMs, reservationsMs, answersMs } = { ...keepDefaults, ...keep }
  const closing = new AbortController()
  const { signal } = closing

  const workOff = async (): Promise<void> => {
    for (;;) {
      while (isBusy() && !signal.aborted) await time.sleep(giveWayMs, signal)
      if (signal.aborted) return
      const startedAt = time.ticks()
      const { more } = await retention.prune({ eventsMs, reservationsMs, answersMs, limit: stepSize })
      if (!more) return
      const elapsedMs = time.ticks() - startedAt
      await time.sleep(Math.max(pauseMsMin, elapsedMs / busyShare - elapsedMs), signal)
    }
  }

  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      await time.sleep(lookMs, signal)
      try {
        await workOff()
      } catch (error) {
        // A store that is away: its callers hear of it, and the next look will find it back.
        if (faultCode(error) === null) report(error)
      }
    }
  }

  const running = run()
  return async () => {
    closing.abort()
    await running
  }
}
