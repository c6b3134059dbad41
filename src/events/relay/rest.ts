import type { Time } from './time.ts'

/** Whether a consumer rests, because nothing went through to it. */
export interface Rest {
  /** Counted up by each rest, so that what was on its way before it is not counted against it. */
  readonly era: number
  /** Until one may be tried; null: it does not rest. */
  readonly msLeft: () => number | null
  readonly failed: (era: number, retryAfterMs: number) => void
  /** Whether that ends a rest. */
  readonly succeeded: () => boolean
}

/** So many failures in a row begin a rest. */
const failuresMax = 3
const firstMs = 500
const longestMs = 300_000

/** From half a second on, twice as long each time, and not for all at the same moment. */
export function createRest(mostMs = longestMs, time: Time, random: () => number): Rest {
  let era = 0
  let failures = 0
  let level = 0
  let until: number | null = null

  return {
    get era() {
      return era
    },
    msLeft: () => (until === null ? null : Math.max(0, until - time.ticks())),
    failed: (ofEra, retryAfterMs) => {
      if (ofEra !== era || (++failures < failuresMax && until === null)) return
      era++
      const ms = Math.min(mostMs, firstMs * 2 ** level++) * (0.8 + 0.4 * random())
      until = time.ticks() + Math.max(ms, retryAfterMs)
    },
    succeeded: () => {
      const wasResting = until !== null
      failures = level = 0
      until = null
      return wasResting
    },
  }
}
