import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises'

/** How much of the process those who are shown things may take. */
export interface Turns {
  /** Do a piece of work; its time counts, as far as it does not wait. */
  readonly spend: <Result>(work: () => Result) => Result
  /** Look between two pieces: this turn has lasted long enough. */
  readonly isOver: () => boolean
  /** Lets others have a turn. */
  readonly next: () => Promise<void>
}

export interface Looker {
  /** Something may have changed: look soon. Cheap. */
  readonly hint: () => void
  readonly close: () => void
}

export interface LookerOptions {
  /** Rejects when it could not look; then it is tried again. True: there is more to look at. */
  readonly look: (turns: Turns) => Promise<boolean>
  readonly isWanted: () => boolean
  readonly report: (error: unknown) => void
}

/** At most ten times in a second. */
const intervalMs = 100
/** Showing takes this part of the time at most while there is other work: the sale goes first, however many watch it. */
const busyShare = 0.15
/** Below this part of the time the process has nothing else to do, and whoever watches need not wait. */
const idleShare = 0.2
/** Others wait so long, no matter how many are shown something. */
const turnMs = 1
const retryMs = 1_000

/** Looks while something may have changed, and never two times at once. */
export function createLooker({ look, isWanted, report }: LookerOptions): Looker {
  const closing = new AbortController()
  let isChanged = false
  let isLooking = false

  const lookWhileChanged = async (): Promise<void> => {
    isLooking = true
    while (isChanged && isWanted() && !closing.signal.aborted) {
      isChanged = false
      const turns = createTurns()
      try {
        isChanged = (await look(turns)) || isChanged
        await pause(turns.spentMs(), closing.signal)
      } catch (error) {
        report(error)
        isChanged = true
        await sleep(retryMs, closing.signal)
      }
    }
    isLooking = false
  }

  return {
    hint: () => {
      isChanged = true
      if (!isLooking && isWanted()) void lookWhileChanged()
    },
    close: () => closing.abort(),
  }
}

export function createTurns(): Turns & { readonly spentMs: () => number } {
  let spentMs = 0
  let turnEndsAt = turnMs
  return {
    spentMs: () => spentMs,
    spend: (work) => {
      const startedAt = performance.now()
      try {
        return work()
      } finally {
        spentMs += performance.now() - startedAt
      }
    },
    isOver: () => spentMs >= turnEndsAt,
    next: async () => {
      await nextTurn()
      turnEndsAt = spentMs + turnMs
    },
  }
}

/** After work that took so long: until it was no more than its share of the time, or the process has nothing else to do. */
export async function pause(spentMs: number, signal: AbortSignal): Promise<void> {
  const endsAt = performance.now() + Math.max(intervalMs, spentMs / busyShare - spentMs)
  for (let leftMs = intervalMs; leftMs > 0 && !signal.aborted; leftMs = endsAt - performance.now()) {
    const before = performance.eventLoopUtilization()
    await sleep(Math.min(intervalMs, leftMs), signal)
    if (performance.eventLoopUtilization(before).utilization < idleShare) return
  }
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal, ref: false }).catch(() => {})
}
