/** A clock that stands still until it is told otherwise. */
export interface ManualClock {
  (): number
  set(instant: number): void
  advance(byMs: number): void
}

export const someInstant = Date.UTC(2026, 11, 1, 18)

export function manualClock(start = someInstant): ManualClock {
  let now = start
  return Object.assign(() => now, {
    set: (instant: number) => {
      now = instant
    },
    advance: (byMs: number) => {
      now += byMs
    },
  })
}
