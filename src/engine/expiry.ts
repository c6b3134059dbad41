import type { Command, Expired, Outcome } from '../domain/command.ts'
import type { Store } from '../store/port.ts'

export interface ExpiryOptions {
  readonly store: Store
  readonly submit: (command: Command) => Promise<Outcome>
  /** Told when the timer has given something back. */
  readonly onSweep?: ((sweep: Sweep) => void) | undefined
}

export interface Sweep {
  /** Reservations that were given back. */
  readonly expired: number
  /** From when the first of them was due, as far as this process knew, until all were given back: none of them was given back later than this after its time. */
  readonly lagMs: number
}

export interface Expiry {
  /** Give back everything that is due now; resolves with the number of reservations. Safe to repeat. */
  readonly sweep: () => Promise<number>
  /** A reservation will be due in so many milliseconds. */
  readonly notice: (dueInMs: number) => void
  /** Other nodes may have made reservations: ask the store when the next is due, at most once a second. */
  readonly look: () => void
  readonly start: () => void
  readonly close: () => void
}

/** One batch of due reservations: few enough that buyers hardly wait behind it. */
const sweepSize = 500
const retryMs = 1_000
const lookMs = 1_000
/** The longest a timer of Node can wait; a later due time is looked at again then. */
const timerMsMax = 2 ** 31 - 1

/**
 * A timer set to the next due time, not a poll. It is a convenience: units that are due are sellable without it, because the store
 * takes them back inside the batch that needs them.
 */
export function createExpiry({ store, submit, onSweep }: ExpiryOptions): Expiry {
  let timer: NodeJS.Timeout | undefined
  /** When the timer has to fire, by the monotonic clock of this process. */
  let wakeAt = Infinity
  let closed = false
  let ticking = false
  /** Since when something that was due could not be given back. */
  let failingSince = Infinity
  let lookedAt = -Infinity

  const wakeIn = (dueInMs: number): void => {
    const at = performance.now() + dueInMs
    if (at >= wakeAt) return
    wakeAt = at
    arm()
  }

  const arm = (): void => {
    clearTimeout(timer)
    if (closed || ticking || wakeAt === Infinity) return
    timer = setTimeout(() => void tick(), Math.min(Math.ceil(wakeAt - performance.now()), timerMsMax))
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
    ticking = true
    const dueAt = Math.min(wakeAt, failingSince)
    wakeAt = Infinity
    failingSince = dueAt
    try {
      const expired = await sweep()
      failingSince = Infinity
      if (expired > 0) onSweep?.({ expired, lagMs: Math.max(0, performance.now() - dueAt) })
      const next = await store.nextDueInMs()
      // At least a millisecond: where the store's clock and ours round differently, the same due time must not be asked for in a tight loop.
      if (next !== null) wakeIn(Math.max(next, 1))
    } catch {
      // The store is away; its callers hear of it. Units that are due stay sellable meanwhile.
      wakeIn(retryMs)
    }
    ticking = false
    arm()
  }

  const look = async (): Promise<void> => {
    if (closed || ticking || performance.now() < lookedAt + lookMs) return
    lookedAt = performance.now()
    try {
      const next = await store.nextDueInMs()
      if (next !== null) wakeIn(Math.max(next, 1))
    } catch {
      // The store is away; the next look will tell.
    }
  }

  return {
    sweep,
    notice: wakeIn,
    look: () => void look(),
    start: () => wakeIn(0),
    close: () => {
      closed = true
      clearTimeout(timer)
    },
  }
}
