import type { Command, Expired, Outcome } from '../domain/command.ts'
import type { Store } from '../store/port.ts'

export interface ExpiryOptions {
  readonly store: Store
  readonly submit: (command: Command) => Promise<Outcome>
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
export function createExpiry({ store, submit }: ExpiryOptions): Expiry {
  let timer: NodeJS.Timeout | undefined
  /** When the timer has to fire, by the monotonic clock of this process. */
  let wakeAt = Infinity
  let closed = false
  let ticking = false
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
    wakeAt = Infinity
    try {
      await sweep()
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
