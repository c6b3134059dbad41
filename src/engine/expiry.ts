import type { Command, Expired, Outcome } from '../domain/command.ts'
import type { Store } from '../store/port.ts'

export interface ExpiryOptions {
  readonly store: Store
  readonly submit: (command: Command) => Promise<Outcome>
}

export interface Expiry {
  /** Give back everything that is due now; resolves with the number of reservations. Safe to repeat. */
  sweep(): Promise<number>
  /** A reservation will be due in so many milliseconds. */
  notice(dueInMs: number): void
  start(): void
  close(): void
}

/** One batch of due reservations: few enough that buyers hardly wait behind it. */
const sweepSize = 500
const retryMs = 1_000
/** The longest a timer of Node can wait; a later due time is looked at again then. */
const timerMsMax = 2 ** 31 - 1

/**
 * A timer set to the next due time, not a poll. It is a convenience: units that are due are sellable without it, because the store
 * takes them back inside the batch that needs them.
 */
export function createExpiry({ store, submit }: ExpiryOptions): Expiry {
  let timer: NodeJS.Timeout | null = null
  let wakeAt = Infinity
  let closed = false
  let sweeping = false

  const set = (dueInMs: number): void => {
    if (closed) return
    if (timer !== null) clearTimeout(timer)
    wakeAt = performance.now() + dueInMs
    timer = setTimeout(() => void tick(), Math.min(Math.ceil(dueInMs), timerMsMax))
    timer.unref()
  }

  const sweep = async (): Promise<number> => {
    let total = 0
    for (;;) {
      const outcome = await submit({ type: 'expire', limit: sweepSize, idempotency: null })
      const expired = outcome.ok ? (outcome.value as Expired).expired : 0
      total += expired
      if (expired < sweepSize) return total
    }
  }

  const tick = async (): Promise<void> => {
    sweeping = true
    wakeAt = Infinity
    try {
      await sweep()
      const next = await store.nextDueInMs()
      sweeping = false
      if (next !== null) set(Math.max(next, 1))
    } catch {
      sweeping = false
      // The store is away; its callers hear of it. Units that are due stay sellable meanwhile.
      set(retryMs)
    }
  }

  return {
    sweep,
    notice: (dueInMs) => {
      if (!sweeping && performance.now() + dueInMs < wakeAt) set(dueInMs)
    },
    start: () => set(0),
    close: () => {
      closed = true
      if (timer !== null) clearTimeout(timer)
    },
  }
}
