import type { EventLoopUtilization } from 'node:perf_hooks'

/** The sale goes first: while a node decides batches and has no time left, it reads the feed for its consumers only now and then. */
export interface GiveWay {
  /** This node has decided a batch. */
  readonly onBatch: () => void
  /** How long whoever wants to read must wait, and how much may be read then; null: at once, as much as one likes. */
  readonly turn: () => { readonly waitMs: number; readonly events: number } | null
}

const lookMs = 100
/** As many batches in that time are a sale and not a single buyer. */
const batchesMin = 5
const busyShare = 0.8
const turnMs = 100
const turnEvents = 20

export function createGiveWay(ticks: () => number = () => performance.now()): GiveWay {
  let batches = 0
  let lookedAt = ticks()
  let last: EventLoopUtilization = performance.eventLoopUtilization()
  let isBusy = false
  let nextAt = 0

  const look = (): void => {
    if (ticks() - lookedAt < lookMs) return
    const { utilization } = performance.eventLoopUtilization(last)
    isBusy = batches >= batchesMin && utilization > busyShare
    last = performance.eventLoopUtilization()
    lookedAt = ticks()
    batches = 0
  }

  return {
    onBatch: () => void batches++,
    turn: () => {
      look()
      if (!isBusy) return null
      const at = Math.max(ticks(), nextAt)
      nextAt = at + turnMs
      return { waitMs: at - ticks(), events: turnEvents }
    },
  }
}
