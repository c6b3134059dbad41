import { triedForMsMax } from './webhook.ts'

const second = 1_000
const minute = 60 * second
const hour = 60 * minute

/** First for a hiccup, then for a restart, then for somebody who must be called out of bed. */
const pausesMs = [5 * second, minute, 5 * minute, 30 * minute, 2 * hour, 5 * hour, 10 * hour] as const
const lastPauseMs = 10 * hour
/** So much more or less, or all that failed together would come again together. */
const jitter = 0.2

/** What an endpoint may ask for with Retry-After: not more than it is left alone by itself. */
export const retryAfterMsMax = lastPauseMs

/** How long to wait before the next attempt; null: there is none, because three days are over. The last one is when they are. */
export function retryMs(attempts: number, triedForMs: number, random: () => number = Math.random): number | null {
  if (triedForMs >= triedForMsMax) return null
  const pauseMs = (pausesMs[attempts - 1] ?? lastPauseMs) * (1 - jitter + 2 * jitter * random())
  return Math.min(Math.round(pauseMs), triedForMsMax - triedForMs)
}
