import { setTimeout as delay } from 'node:timers/promises'
import { systemClock } from '../../store/clock.ts'

/** Time as an argument, so that no test waits for it. */
export interface Time {
  /** Epoch milliseconds, which several nodes compare roughly. */
  readonly now: () => number
  /** Milliseconds that never go back, of this process alone. */
  readonly ticks: () => number
  /** Resolves early, and without an error, when the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
}

export const realTime: Time = {
  now: systemClock,
  ticks: () => performance.now(),
  sleep: (ms, signal) => delay(ms, undefined, { signal, ref: false }).catch(() => {}),
}
