import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Time } from '../../src/events/relay/time.ts'

export interface ManualTime extends Time {
  /** Let it pass in small steps, and whatever waits for it go on in between, until this is so. */
  readonly until: (isSo: () => boolean, msMax?: number) => Promise<void>
  readonly pass: (ms: number) => Promise<void>
}

/** Time that passes only when the test lets it. */
export function manualTime(): ManualTime {
  const start = Date.parse('2026-01-01T00:00:00Z')
  let ticks = 0
  let sleepers: { readonly at: number; readonly wake: () => void }[] = []

  const advance = (ms: number): void => {
    ticks += ms
    const due = sleepers.filter(({ at }) => at <= ticks).toSorted((a, b) => a.at - b.at)
    sleepers = sleepers.filter(({ at }) => at > ticks)
    for (const { wake } of due) wake()
  }
  /** Long enough for what answers without waiting for time. */
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 6; turn++) await nextTurn()
  }
  const until: ManualTime['until'] = async (isSo, msMax = 60_000) => {
    const end = ticks + msMax
    await settle()
    while (!isSo()) {
      if (ticks >= end) throw new Error(`not so after ${msMax} ms`)
      // To the next thing that waits, but in steps that are never long.
      const next = Math.min(...sleepers.map(({ at }) => at))
      advance(Math.min(Math.max(1, next - ticks), 5_000, end - ticks))
      await settle()
    }
  }
  return {
    now: () => start + ticks,
    ticks: () => ticks,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal.aborted || ms <= 0) return resolve()
        const end = (): void => {
          sleepers = sleepers.filter((one) => one !== sleeper)
          signal.removeEventListener('abort', end)
          resolve()
        }
        const sleeper = { at: ticks + ms, wake: end }
        sleepers.push(sleeper)
        signal.addEventListener('abort', end)
      }),
    until,
    pass: async (ms) => {
      const end = ticks + ms
      await until(() => ticks >= end, ms)
    },
  }
}
