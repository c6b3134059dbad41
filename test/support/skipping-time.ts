import type { Time } from '../../src/events/relay/time.ts'

export interface SkippingTime extends Time {
  /** So much time has passed at once, for everybody who waits. */
  readonly skip: (ms: number) => void
}

/** Time that passes as it does, for what waits for other processes, and of which a test may leave out some. */
export function skippingTime(): SkippingTime {
  let skipped = 0
  const sleepers = new Set<() => void>()
  const ticks = (): number => performance.now() + skipped
  return {
    now: () => Math.floor(performance.timeOrigin + ticks()),
    ticks,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        const end = ticks() + ms
        let timer: NodeJS.Timeout | undefined
        const look = (): void => {
          clearTimeout(timer)
          const leftMs = end - ticks()
          if (leftMs > 0 && !signal.aborted) {
            timer = setTimeout(look, leftMs).unref()
            return
          }
          sleepers.delete(look)
          signal.removeEventListener('abort', look)
          resolve()
        }
        sleepers.add(look)
        signal.addEventListener('abort', look)
        look()
      }),
    skip: (ms) => {
      skipped += ms
      for (const look of sleepers) look()
    },
  }
}
