import { createHistogram } from 'node:perf_hooks'

export type Verb = 'reserve' | 'confirm'

export interface Timed<Answer> {
  readonly answer: Answer
  readonly sentAt: number
  readonly answeredAt: number
}

export interface Latency {
  readonly p50: number
  readonly p99: number
}

/** How long the answers took, as the buyers saw it, retries included. */
export interface Meter {
  time<Answer>(verb: Verb, ask: () => Promise<Answer>): Promise<Timed<Answer>>
  /** In milliseconds. */
  latencyOf(verb: Verb): Latency
  /** Time during which at least one buyer waited for the answer to a reservation: rates over the whole run would mostly measure how long people think. */
  readonly reserveBusyMs: number
}

const nsPerMs = 1e6
/** One minute: longer than the longest patience. */
const latencyNsMax = 60_000 * nsPerMs

export function createMeter(): Meter {
  const options = { lowest: 1, highest: latencyNsMax, figures: 3 }
  const histograms = { reserve: createHistogram(options), confirm: createHistogram(options) }
  let waiting = 0
  let busySince = 0
  let busyMs = 0

  return {
    time: async (verb, ask) => {
      const sentAt = performance.now()
      if (verb === 'reserve' && waiting++ === 0) busySince = sentAt
      try {
        const answer = await ask()
        const answeredAt = performance.now()
        histograms[verb].record(Math.min(latencyNsMax, Math.max(1, Math.round((answeredAt - sentAt) * nsPerMs))))
        return { answer, sentAt, answeredAt }
      } finally {
        if (verb === 'reserve' && --waiting === 0) busyMs += performance.now() - busySince
      }
    },
    latencyOf: (verb) => ({ p50: milliseconds(histograms[verb].percentile(50)), p99: milliseconds(histograms[verb].percentile(99)) }),
    get reserveBusyMs() {
      return busyMs
    },
  }
}

function milliseconds(ns: number): number {
  return Math.round(ns / 1e4) / 100
}
