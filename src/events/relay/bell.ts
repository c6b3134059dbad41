import type { Time } from './time.ts'

export interface Bell {
  readonly ring: () => void
  /** Resolves when it has rung since the last time somebody waited, or after so long. */
  readonly wait: (ms: number) => Promise<void>
}

export function createBell(time: Time): Bell {
  let hasRung = false
  let waiting: AbortController | null = null
  return {
    ring: () => {
      hasRung = true
      waiting?.abort()
    },
    wait: async (ms) => {
      if (!hasRung && ms > 0) {
        waiting = new AbortController()
        await time.sleep(ms, waiting.signal)
        waiting = null
      }
      hasRung = false
    },
  }
}
